import json
import math
import os

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
