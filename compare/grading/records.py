"""Verdicts stored between runs, so that no submission is judged twice."""

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

from compare.grading.entries import Entry, digest
from compare.grading.judged import Judged, from_json
from compare.grading.judging import Conditions
from twingrad.environment import version
from twingrad.errors import UserError
from twingrad.files import write_json


class Records:
    """The verdicts in a folder of results.

    Arguments:
        folder: of the results; it is made where it is missing.

    Raises:
        UserError: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "records"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"--out {folder}: cannot be written ({error.strerror})") from error

    def seed(self, asked: int | None) -> int:
        """The seed of the hidden inputs: the requested one, else the one of earlier results, else a
        random one."""
        if asked is None:
            known = read(self.folder / "seed.json").get("seed")
            asked = known if type(known) is int else secrets.randbelow(2**31)
        self.write(self.folder / "seed.json", {"seed": asked})
        return asked

    def find(self, entry: Entry, conditions: Conditions) -> Judged | None:
        """The verdict on a submission with the same content under the same conditions.

        "Could not run" is only valid for the same limits; right or wrong is valid for any limits.
        """
        record = read(self.file(entry))
        if record.get("key") != key(entry, conditions):
            return None
        try:
            judged = from_json(record["judged"])
        except (KeyError, TypeError, AttributeError):
            return None
        same = record.get("limits") == str(conditions.limits)
        return judged if same or judged.outcome != "could not run" else None

    def keep(self, entry: Entry, conditions: Conditions, judged: Judged) -> None:
        """Store a verdict."""
        record = {"key": key(entry, conditions), "limits": str(conditions.limits)}
        self.write(self.file(entry), {**record, "judged": judged.as_json()})

    def write(self, path: Path, value: dict[str, Any]) -> None:
        """Write JSON.

        Raises:
            UserError: it cannot be written.
        """
        try:
            write_json(path, value)
        except OSError as error:
            raise UserError(f"--out {self.folder}: cannot be written ({error.strerror})") from error

    def file(self, entry: Entry) -> Path:
        """The path of a submission's verdict."""
        return self.path / f"{entry.slug}.json"


def key(entry: Entry, conditions: Conditions) -> str:
    """A hash of everything that a verdict depends on, except the limits."""
    everything = (
        digest(entry),
        str(conditions.request),
        str(conditions.python),
        conditions.file,
        conditions.thing,
        version("twingrad"),
    )
    return hashlib.sha256(repr(everything).encode()).hexdigest()


def read(path: Path) -> dict[str, Any]:
    """The content of a JSON file; {} if it is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
