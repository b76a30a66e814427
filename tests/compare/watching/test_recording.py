"""Recordings are read as data from outside."""

import json

import numpy as np
import pytest

from compare.watching.reading import read
from twingrad.errors import UserError

FILE = ["file", 0, "a.py", "/a.py", "W = 1\nb = 2\n"]
SITE = ["site", 0, 0, 2, 2, "b", "assign", "<module>"]
STACK = ["stack", 0, [[0, 0, "<module>"]]]
ARRAY = ["array", 0, "<f8", [2, 3], 16]
EVENT = ["a", 0, 0, "['W']", 0]


def write(folder, *lines, end="\n"):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "events.jsonl").write_text(text + end)
    (folder / "arrays.bin").write_bytes(bytes(16) + np.arange(6.0).tobytes())
    (folder / "end.json").write_text('{"reason": "finished"}')
    return folder


def test_what_was_written_is_read(tmp_path):
    data = ["data", 0, "|u1", [50000, 3072], {"row mean": 0}]
    served = ["served", "x/data_batch_1", "/data/data_batch_1"]
    later = [["d", 0, 0, "", 0], ["v", 0, 0, "", 0.5], ["p", 0, 0, "", 1, 0], served]
    got = read(write(tmp_path, FILE, SITE, STACK, ARRAY, EVENT, data, *later))
    array, large, number, projection = got.events
    assert (array.name, got.text(array.site)) == ("b['W']", "b = 2")
    assert got.array(array.array).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not got.array(0).flags.writeable
    assert got.summary(large.data)["row mean"].shape == (2, 3)
    assert (number.value, projection.projection, projection.axis) == (0.5, 0, 1)
    assert got.served == {"x/data_batch_1": "/data/data_batch_1"}
    assert got.end == {"reason": "finished"}


INDICES = ["array", 1, "|u1", [2, 3], 0]
LEVELS = ["array", 2, "<f8", [3], 16]
LARGE = ["data", 0, "<f8", [3, 2], {}]
SEEN = ["d", 0, 0, "", 0]


def test_a_large_array_of_few_levels_is_read_as_an_array(tmp_path):
    head = (FILE, SITE, STACK, ARRAY, INDICES, LEVELS, LARGE, SEEN)
    write(tmp_path, *head, ["whole", 0, 1, 2, True])
    with (tmp_path / "arrays.bin").open("r+b") as file:
        file.write(bytes([0, 1, 2, 2, 1, 0]))
    (event,) = read(tmp_path).events
    assert event.data == 0
    whole = read(tmp_path).array(event.array)
    assert whole.tolist() == [[0, 2], [1, 1], [2, 0]]
    assert not whole.flags.writeable


@pytest.mark.parametrize(
    "line", [["whole", 1, 1, 2, True], ["whole", 0, 2, 1, True], ["whole", 0, 1, 2, False],
             ["whole", 0, 1, 0, True], ["whole", 0, 1]]
)  # fmt: skip
def test_levels_that_do_not_fit_are_one_clear_error(tmp_path, line):
    with pytest.raises(UserError, match="line 8: no line of a recording"):
        read(write(tmp_path, FILE, SITE, STACK, ARRAY, INDICES, LEVELS, LARGE, line))


def test_indices_beyond_the_levels_are_one_clear_error(tmp_path):
    write(tmp_path, FILE, SITE, STACK, ARRAY, INDICES, LEVELS, LARGE, ["whole", 0, 1, 2, True])
    (tmp_path / "arrays.bin").write_bytes(bytes([3] * 16) + np.arange(6.0).tobytes())
    with pytest.raises(UserError, match="indices that do not fit"):
        read(tmp_path)


def test_a_last_line_that_was_cut_is_left_out(tmp_path):
    got = read(write(tmp_path, FILE, SITE, STACK, ARRAY, EVENT, '["a",0,0,"",', end=""))
    assert len(got.events) == 1


@pytest.mark.parametrize(
    "line",
    [
        "[1,",
        "[" * 100_000 + "]" * 100_000,
        "{}",
        ["unknown", 0],
        ["a", 1, 0, "", 0],
        ["a", -1, 0, "", 0],
        ["a", 0, 5, "", 0],
        ["a", 0, 0, 7, 0],
        ["a", 0, 0, "", 1],
        ["a", 0, 0, "", True],
        ["a", 0, 0, ""],
        ["p", 0, 0, "", 2, 0],
        ["v", 0, 0, "", "__import__('os')"],
        ["array", 1, "<f8", [2, 4], 16],
        ["array", 1, "<f8", [1 << 62, 1 << 62], 0],
        ["array", 1, "<f8", [-1], 0],
        ["array", 1, "<f8", [1], -8],
        ["array", 1, "|O", [1], 0],
        ["array", 1, "V8", [1], 0],
        ["array", 3, "<f8", [1], 0],
        ["data", 0, "<f8", [5], {"row mean": 9}],
        ["site", 1, 7, 1, 1, "W", "assign", "f"],
        ["stack", 1, [[0, "1", "f"]]],
    ],
)
def test_a_line_of_something_else_is_one_clear_error(tmp_path, line):
    with pytest.raises(UserError, match="line 6: no line of a recording"):
        read(write(tmp_path, FILE, SITE, STACK, ARRAY, EVENT, line))


def test_a_folder_without_a_recording(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read \(No such file"):
        read(tmp_path)


def test_a_damaged_end_counts_as_none(tmp_path):
    write(tmp_path, FILE)
    (tmp_path / "end.json").write_text("[1, 2")
    assert read(tmp_path).end == {}
