import gzip
import io
import pickle
import struct
import tarfile
import tracemalloc

import numpy as np
import pytest
import scipy.io

from twingrad.cifar import archives, binary_layout, matlab_layout
from twingrad.cifar.archives import Archive
from twingrad.cifar.pickles import PickledArray, unpickle
from twingrad.errors import UserError

IMPORT_ENCODE = b"c_codecs\nencode\n"


def test_a_pickle_that_asks_for_a_huge_memo_gets_none():
    raw = b"\x80\x02]r" + struct.pack("<I", 300_000_000) + b"."
    tracemalloc.start()
    with pytest.raises(UserError, match="memo"):
        unpickle(raw, "file")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_what_a_pickle_imports_cannot_be_changed():
    change = b"\x80\x02" + IMPORT_ENCODE + b"}X\x06\x00\x00\x00_build" + b"K\x01sb."
    with pytest.raises(UserError, match="a change to an imported object"):
        unpickle(change, "file")
    array = unpickle(pickle.dumps(np.zeros((2, 3), np.uint8), 2), "file")
    assert array.array("file", (2, 3)).shape == (2, 3)


def test_text_is_encoded_to_latin1_alone():
    with pytest.raises(UserError, match="latin1"):
        unpickle(IMPORT_ENCODE + b"(X\x01\x00\x00\x00aX\x05\x00\x00\x00rot13tR.", "file")


@pytest.mark.parametrize("protocol", range(6))
def test_an_array_in_column_order_is_read_in_rows(protocol):
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    read = unpickle(pickle.dumps(np.asfortranarray(values), protocol), "file")
    assert np.array_equal(read.array("file", (2, 3)), values)


@pytest.mark.parametrize("content", [b"12345", b"1234567", ["1"] * 6, None])
def test_an_array_must_hold_what_its_shape_promises(content):
    array = unpickle(pickle.dumps(np.zeros((2, 3), np.uint8), 2), "file")
    assert isinstance(array, PickledArray)
    array.content = content
    with pytest.raises(UserError, match="file: found"):
        array.array("file", (2, 3))


@pytest.mark.parametrize("size", [0, 30_729_999, 30_730_001])
def test_a_binary_batch_has_one_size(size):
    with pytest.raises(UserError, match=f"file: found {size} bytes, expected 30730000"):
        binary_layout.read_batch(bytes(size), "file")


def test_a_binary_label_above_9_is_named():
    rows = np.zeros((10_000, 3073), np.uint8)
    rows[123, 0] = 10
    with pytest.raises(UserError, match="label 10 at image 123"):
        binary_layout.read_batch(rows.tobytes(), "file")


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"data": np.zeros((3, 3072), np.uint8), "labels": np.zeros((3, 1))}, r"\(3, 3072\)"),
        ({"data": np.zeros((3, 3072)), "labels": np.zeros((3, 1))}, "float64"),
        ({"data": np.zeros((3, 3072), np.uint8)}, "no variable 'labels'"),
    ],
)
def test_a_matlab_batch_of_another_kind_is_named(variables, says):
    file = io.BytesIO()
    scipy.io.savemat(file, variables, do_compression=True)
    with pytest.raises(UserError, match=f"file: found .*{says}"):
        matlab_layout.read_batch(file.getvalue(), "file")


def packed(path, *members):
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_an_archive_that_holds_a_name_twice_is_refused(tmp_path):
    path = packed(tmp_path / "a.tar.gz", ("a/test_batch", b"1"), ("b/test_batch", b"2"))
    with pytest.raises(UserError, match="two files 'test_batch'"):
        list(Archive(path).members())


def test_links_and_climbing_paths_are_passed_over(tmp_path):
    path = packed(
        tmp_path / "a.tar.gz", ("../x", b"1"), ("/y", b"2"), ("a/b/c", b"3"), ("a/z", b"4")
    )
    with tarfile.open(tmp_path / "l.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo("test_batch")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    assert list(Archive(path).members()) == [("z", b"4")]
    assert list(Archive(tmp_path / "l.tar.gz").members()) == []


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_MAX_ARCHIVE", 2**20)
    path = packed(tmp_path / "a.tar.gz", ("x", bytes(2**21)))
    with pytest.raises(UserError, match="unpacks to more than 1 MiB"):
        list(Archive(path).members())


def test_a_wrong_check_sum_is_found_behind_the_last_member(tmp_path):
    path = packed(tmp_path / "a.tar.gz", ("x", b"1"))
    # more padding than one read takes in, so that reading the members does not meet the end
    padded = bytearray(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(2**22)))
    padded[-8] ^= 1
    path.write_bytes(padded)
    with pytest.raises(UserError, match=r"truncated or corrupt .*CRC"):
        list(Archive(path).members())


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_an_archive_with_an_endless_name_is_refused_before_it_is_kept(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "MAX_FILE", 2**20)
    header = tarfile.TarInfo("name")
    header.type, header.size = kind, 2**28
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(2**8):
            file.write(b"A" * 2**20)
    tracemalloc.start()
    with pytest.raises(UserError, match="an entry of more than 1 MiB"):
        list(Archive(path).members())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25


def test_an_archive_of_many_entries_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    path = packed(tmp_path / "a.tar.gz", *((f"d{i}/x{i}", b"1") for i in range(4)))
    with pytest.raises(UserError, match="over 3 entries"):
        list(Archive(path).members())


def test_a_header_that_tarfile_cannot_read_is_a_corrupt_archive(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("x")
        member.pax_headers = {"GNU.sparse.map": "0,1,x"}
        tar.addfile(member)
    with pytest.raises(UserError, match="truncated or corrupt archive"):
        list(Archive(tmp_path / "a.tar.gz").members())
