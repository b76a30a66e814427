import json
import math
import os
import stat
from pathlib import Path

import pytest

from twingrad.files import write_json, write_whole


def test_content_is_written_over_what_was_there(tmp_path):
    write_whole(tmp_path / "a", b"old, and longer")
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_only_the_file_remains(tmp_path):
    write_whole(tmp_path / "a", b"new")
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch, error):
    write_whole(tmp_path / "a", b"old")

    def fail(descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(error):
        write_whole(tmp_path / "a", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


def test_json_reads_back(tmp_path):
    value = {"cost": 1 / 3, "epochs": [1, 2], "none": None}
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text()) == value


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_json_without_nan_or_infinity(tmp_path, number):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"cost": number})
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link_and_its_file_is_written(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_link_to_nothing_makes_its_file(tmp_path):
    (tmp_path / "link").symlink_to("missing")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "missing").read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()


def test_a_pipe_is_written_into(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"content")
    assert os.read(reader, 100) == b"content"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    os.close(reader)


def test_a_full_device_is_an_error_and_stays_a_device(tmp_path):
    full = tmp_path / "full"
    try:
        os.mknod(full, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        full.open("wb").close()
    except OSError as error:
        pytest.skip(f"no device can be made or opened here: {error}")
    with pytest.raises(OSError, match="No space left"):
        write_whole(full, b"content")
    assert stat.S_ISCHR(full.stat().st_mode)


def test_an_open_file_by_its_number_is_written_into(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        write_whole(Path(f"/proc/self/fd/{file.fileno()}"), b"content")
        assert os.fstat(file.fileno()).st_nlink == 1
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_name_as_long_as_names_may_be(tmp_path):
    write_whole(tmp_path / ("x" * 255), b"new")
    assert os.listdir(tmp_path) == ["x" * 255]
