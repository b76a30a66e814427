import io
import shutil
import tarfile
import zlib

import numpy as np
import pytest

from tests.twingrad.cifar.conftest import FOLDERS, file_names, pack
from twingrad.cifar.loading import load_cifar, load_dataset, locate_data
from twingrad.cifar.verify import verify
from twingrad.errors import UserError


@pytest.mark.parametrize("kind", list(FOLDERS))
def test_every_layout_gives_the_same_images_from_folder_and_archive(copies, tmp_path, kind):
    root, batches = copies
    folder = root / FOLDERS[kind]
    archive = pack(folder, tmp_path / "any-name.tar.gz")
    digests = set()
    for path in (folder, archive):
        cifar = load_cifar(path, batches=1)
        assert cifar.source.kind == kind
        for (images, labels), read in zip(batches, [*cifar.batches, cifar.test], strict=True):
            assert (read.images.dtype, read.labels.dtype) == (np.uint8, np.int64)
            assert np.array_equal(read.images, images)
            assert np.array_equal(read.labels, labels)
        digests.add(cifar.source.digest)
    python = load_cifar(root / FOLDERS["python"], batches=1)
    assert digests == {python.source.digest}


def test_a_folder_around_the_batches_is_enough(copies):
    root, _ = copies
    assert load_cifar(root, batches=1).source.kind == "python"


def test_a_missing_batch_is_named(copies):
    root, _ = copies
    with pytest.raises(UserError, match="data_batch_3 is missing"):
        load_cifar(root / FOLDERS["python"], batches=2)


@pytest.mark.parametrize("kind", list(FOLDERS))
def test_a_truncated_batch_is_named(copies, tmp_path, kind):
    root, _ = copies
    folder = tmp_path / "copy"
    shutil.copytree(root / FOLDERS[kind], folder)
    broken = folder / file_names(kind)[1]
    broken.write_bytes(broken.read_bytes()[:1_000_000])
    with pytest.raises(UserError) as caught:
        load_cifar(folder, batches=1)
    assert str(broken) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_half_downloaded_archive_is_named(copies, tmp_path, kept):
    archive = pack(copies[0] / FOLDERS["binary"], tmp_path / "cifar-10-binary.tar.gz")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(UserError, match="truncated or corrupt"):
        load_cifar(tmp_path, batches=1)


def test_a_corrupt_archive_is_refused(tmp_path):
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(b"\x1f\x8b\x08\x00" + bytes(6) + zlib.compress(b"not a tar")[2:])
    with pytest.raises(UserError, match=r"x\.tar\.gz"):
        load_cifar(archive)


def test_members_outside_of_the_archive_s_folder_are_not_read(copies, tmp_path):
    content = (copies[0] / FOLDERS["binary"] / "data_batch_1.bin").read_bytes()
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz", compresslevel=1) as tar:
        for name in ("../data_batch_1.bin", "/tmp/test_batch.bin"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(UserError, match="no file of CIFAR-10"):
        load_cifar(tmp_path / "evil.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.tar.gz"]


def test_where_data_are_looked_for(copies, tmp_path, monkeypatch):
    root, _ = copies
    monkeypatch.setattr("twingrad.cifar.loading.default_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("TWINGRAD_DATA", raising=False)
    assert locate_data(None) is None
    monkeypatch.setenv("TWINGRAD_DATA", str(root))
    assert locate_data(None) == root / FOLDERS["python"]
    assert locate_data("synthetic") is None
    assert locate_data(str(root / FOLDERS["matlab"])) == root / FOLDERS["matlab"]
    with pytest.raises(UserError, match=r"--data /nowhere: no such file or folder"):
        locate_data("/nowhere")
    monkeypatch.setenv("TWINGRAD_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"\$TWINGRAD_DATA .*no CIFAR-10"):
        locate_data(None)


def test_a_training_on_one_batch_validates_on_the_next(copies):
    root, batches = copies
    dataset = load_dataset(str(root), batches=1, train_size=3_000)
    assert [len(s) for s in (dataset.training, dataset.validation, dataset.test)] == [
        3_000,
        10_000,
        10_000,
    ]
    images = batches[0][0][:3_000] / 255
    mean, std = images.mean(axis=0), images.std(axis=0)
    varying = np.ptp(images, axis=0) > 0
    expected = (batches[1][0][:50] / 255 - mean) / np.where(varying, std, 1)
    assert dataset.validation.X.dtype == np.float32
    # float32 keeps 24 bits of values up to 4
    np.testing.assert_allclose(dataset.validation.X[:50], expected, rtol=0, atol=5e-7)
    assert np.array_equal(dataset.validation.y, batches[1][1])


@pytest.mark.slow
def test_files_can_be_standardised_each_by_itself(copies):
    root, batches = copies
    dataset = load_dataset(str(root), batches=1, train_size=3_000, per_file=True, dtype="float64")
    parts = (dataset.training, dataset.validation, dataset.test)
    for part, (images, _) in zip(parts, batches, strict=True):
        images = images / 255
        std = np.where(np.ptp(images, axis=0) > 0, images.std(axis=0, ddof=1), 1)
        expected = (images - images.mean(axis=0)) / std
        # roundings of values up to 4; of the training file 3,000 images are kept, none forgotten
        np.testing.assert_allclose(part.X, expected[: len(part)], rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [0, 10_001])
def test_a_train_size_out_of_range_is_named(copies, size):
    with pytest.raises(UserError, match=f"--train-size {size}"):
        load_dataset(str(copies[0]), batches=1, train_size=size)


def test_verify_tells_each_file_apart(copies):
    verification = verify(copies[0] / FOLDERS["python"])
    files = {file.name: file for file in verification.files}
    assert files["data_batch_1"].problem is None
    assert files["data_batch_1"].identity.verdict == "differs"
    assert "data_batch_4 is missing" in files["data_batch_4"].problem
    assert files["batches.meta"].problem is None
    assert (verification.usable, verification.official) == (False, False)
