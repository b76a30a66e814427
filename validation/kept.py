"""What a command leaves in its folder, without what differs between two equal runs."""

import csv
import json
import re
from pathlib import Path
from typing import Any

VARYING = re.compile("second|duration|_time$|memory|created|started|environment|folder|path|owner")
"""Names of values that may differ: times, memory, places, the process."""

SECONDS = re.compile(r"after [0-9.]+ s")

COMPARED = {".safetensors", ".json", ".jsonl", ".csv", ".npz"}

SKIPPED = {"environment.json", "sweep.json", "groups.jsonl", "seconds.json"}
"""The machine; the options with the folder; stacks, which are in order of their ends; times."""


def snapshot(folder: Path) -> dict[str, Any]:
    """Content by path: arrays as bytes, JSON and tables without times and places.

    Pages and pictures count by their presence.
    """
    return {
        str(path.relative_to(folder)): content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock" and not path.name.startswith(".")
    }


def content(path: Path) -> Any:
    """What of a file must be equal; None if only that it is there."""
    if path.suffix not in COMPARED or path.name in SKIPPED:
        return None
    if path.suffix == ".jsonl":
        return [stripped(json.loads(line)) for line in path.read_text().splitlines()]
    if path.suffix == ".json":
        return stripped(json.loads(path.read_text()))
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [stripped(row) for row in csv.DictReader(file)]
    return path.read_bytes()


def stripped(value: Any) -> Any:
    """A value of JSON without what may differ."""
    if isinstance(value, dict):
        return {k: stripped(v) for k, v in value.items() if not VARYING.search(str(k))}
    if isinstance(value, list):
        return [stripped(v) for v in value]
    return SECONDS.sub("", value) if isinstance(value, str) else value


def finished(folder: Path) -> dict[str, bytes]:
    """Work that an interruption must not lose, by path: epochs, parameters, trials, grades."""
    names = ("metrics.jsonl", "parameters.safetensors", "trials/*.json", "records/*.json")
    return {
        str(path.relative_to(folder)): complete(path)
        for name in names
        for path in folder.rglob(name)
        if not path.name.startswith(".")
    }


def complete(path: Path) -> bytes:
    """The content; of lines, without a last one that a kill has cut."""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1] if path.suffix == ".jsonl" else content


def lost(before: dict[str, bytes], folder: Path) -> list[str]:
    """Finished work that is gone or was done again; files of epochs may have grown."""
    after = finished(folder)
    return [path for path, had in before.items() if not after.get(path, b"").startswith(had)]


def leftovers(folder: Path) -> list[str]:
    """Temporary files and checkpoints that a finished command should have removed."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.name.startswith((".", "checkpoint"))
    ]
