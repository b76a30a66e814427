import numpy as np
import pytest

from twingrad.cifar.source import (
    OFFICIAL_MD5,
    FileIdentity,
    content_digest,
    identify,
    official_copy,
)
from twingrad.cifar.verify import verify


@pytest.mark.parametrize(
    ("official", "verdict"), [("aa", "official"), ("bb", "differs"), (None, "not known")]
)
def test_a_file_is_judged_by_its_official_md5_if_there_is_one(official, verdict):
    assert identify("f", "aa", official).verdict == verdict


def verdicts(*words):
    return [FileIdentity("f", "aa", word) for word in words]


@pytest.mark.parametrize(
    ("batches", "archive", "official"),
    [
        (["official", "official"], None, True),
        (["official", "differs"], None, False),
        (["not known"], None, None),
        (["not known"], "official", True),
        (["not known"], "differs", False),
        (["official"], "differs", True),
        (["differs"], "official", False),
    ],
)
def test_what_the_batches_say_goes_before_what_the_archive_says(batches, archive, official):
    around = verdicts(archive)[0] if archive else None
    assert official_copy(verdicts(*batches), around) is official


def test_a_copy_with_the_official_md5s_is_official(copies, monkeypatch):
    folder = copies[0] / "cifar-10-batches-py"
    assert verify(folder).official is False
    found = [file.identity for file in verify(folder).files if file.identity is not None]
    known = {identity.name: identity.md5 for identity in found}
    monkeypatch.setitem(OFFICIAL_MD5, "python", known)
    assert verify(folder).official is True


def test_the_md5s_of_extracted_binary_and_matlab_files_are_not_known(copies):
    for folder in ("cifar-10-batches-bin", "cifar-10-batches-mat"):
        verification = verify(copies[0] / folder)
        found = [file.identity.verdict for file in verification.files if file.identity]
        assert found == ["not known"] * 3
        assert verification.official is None


def test_one_other_label_or_pixel_changes_the_digest():
    images, labels = np.zeros((2, 3072), np.uint8), np.array([1, 2])
    other_images, other_labels = images.copy(), np.array([1, 3])
    other_images[1, 3071] = 1
    pairs = [(images, labels), (other_images, labels), (images, other_labels)]
    assert len({content_digest([pair]) for pair in pairs}) == 3
