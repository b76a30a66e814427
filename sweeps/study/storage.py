"""Storage of a study: a journal in the run folder, or a database that several machines share."""

import contextlib
import json
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import BaseJournalBackend

from twingrad.errors import UserError

optuna.logging.set_verbosity(optuna.logging.ERROR)

JOURNAL = "study.journal"
HIDDEN = "***"
"""In the place of a password."""

ATTEMPTS = 5
"""At making a storage's tables."""

PATIENCE = 10
"""Seconds until a database that does not answer counts as out of reach."""


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """The storage at an address, or the journal of the folder.

    Arguments:
        url: of any database that SQLAlchemy reaches, such as
            postgresql+psycopg://user@host/name or sqlite:///FILE; None for the journal.
        folder: locked by the caller.

    Raises:
        UserError: it cannot be reached, its driver is not installed, it is no such address.
    """
    if url is None:
        path = folder / JOURNAL
        repair(path)
        try:
            return JournalStorage(OwnJournal(path))
        except OSError:
            raise
        except Exception as error:  # a damaged line may end anywhere in Optuna, in an assertion too
            raise UserError(
                f"{path}: is damaged ({type(error).__name__}); remove it, and --resume tells the "
                "study again what is in trials/"
            ) from error
    if "://" not in url:
        raise UserError(
            f"--storage {url}: is no address such as postgresql+psycopg://user@host/name "
            "or sqlite:///FILE"
        )
    options: dict[str, object] = {"pool_pre_ping": True}
    if url.startswith("postgresql"):
        options["connect_args"] = {"connect_timeout": PATIENCE}
    with reported(url):
        try:
            return made(url, options)
        except ValueError as error:
            shown = hide_password(url)
            raise UserError(f"--storage {shown}: is no address of a database") from error
        except ImportError as error:
            missing = getattr(error, "name", None)
            raise UserError(
                f"--storage {hide_password(url)}: needs a driver that is not installed "
                f"({missing or error})"
            ) from error


class OwnJournal(BaseJournalBackend):
    """A journal that one process alone reads and writes, without locks and without `fsync`.

    Each line is written to the file and replayed from memory: Optuna's own backend reads it back,
    and remembers the place of every line. A killed process loses nothing. Lines that a power
    failure takes are restored from `Records`, which were written before.

    Arguments:
        path: of the file; a missing one is an empty journal.

    Raises:
        ValueError: a line of the file is not JSON; raised as the lines are read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unread: Iterable[dict[str, Any]] = self._lines()

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self.path.exists():
            with self.path.open(encoding="utf-8") as file:
                yield from map(json.loads, file)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The lines that were not read before; the storage asks for no others."""
        unread, self.unread = self.unread, []
        return unread

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write lines.

        Raises:
            OSError: the disk is full, for example.
        """
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(lines)
        self.unread = [*self.unread, *logs]


def made(url: str, options: dict[str, object]) -> RDBStorage:
    """The storage with its tables; processes that make them at once fail at first, all but one."""
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    for attempt in range(ATTEMPTS):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            race = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not race or attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.2 * (attempt + 1))
    raise AssertionError


def close_storage(storage: BaseStorage) -> None:
    """Close the connections to a database."""
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


@contextlib.contextmanager
def reported(url: str | None) -> Iterator[None]:
    """Report what a database refuses as one line that names it."""
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        inner = error.__cause__ or error
        said = str(getattr(inner, "orig", None) or inner).strip().splitlines()
        verb = "is no address of a database" if isinstance(error, ArgumentError) else "failed"
        raise UserError(
            f"--storage {hide_password(url or '')}: {verb} ({said[0] if said else inner}); "
            "trials that finished are kept"
        ) from error


def repair(path: Path) -> None:
    """Cut off the line that a full disk or a killed process left half written."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)


def hide_password(url: str) -> str:
    """The address as it may be shown and kept."""
    url = re.sub(r"(://[^:/@]*):[^/]*@", rf"\1:{HIDDEN}@", url)
    return re.sub(r"([?&]password=)[^&]*", rf"\1{HIDDEN}", url)
