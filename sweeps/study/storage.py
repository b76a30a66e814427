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
"""Shown instead of a password."""

ATTEMPTS = 5
"""Maximum number of attempts to create a database's tables."""

PATIENCE = 10
"""Seconds within which PostgreSQL must accept a connection."""


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """Open a database, or the journal of a folder.

    Arguments:
        url: of a database that SQLAlchemy supports, such as postgresql+psycopg://user@host/name
            or sqlite:///FILE; None for the journal.
        folder: locked by the caller.

    Raises:
        UserError: the address is malformed, its driver is not installed, the database does not
            answer, or the journal is damaged.
    """
    return open_journal(folder / JOURNAL) if url is None else open_database(url)


def open_journal(path: Path) -> JournalStorage:
    """Open a journal, or start one."""
    repair(path)
    try:
        return JournalStorage(OwnJournal(path))
    except OSError:
        raise
    except Exception as error:  # a damaged line can raise anything in Optuna
        raise UserError(
            f"{path}: is damaged ({type(error).__name__}); remove it, and --resume restores the "
            "study from trials/"
        ) from error


def open_database(url: str) -> RDBStorage:
    """Open a database and create Optuna's tables if they are missing."""
    shown = f"--storage {hide_password(url)}"
    if "://" not in url:
        raise UserError(
            f"{shown}: is no address such as postgresql+psycopg://user@host/name or sqlite:///FILE"
        )
    options: dict[str, object] = {"pool_pre_ping": True}
    if url.startswith("postgresql"):
        options["connect_args"] = {"connect_timeout": PATIENCE}
    with reported(url):
        try:
            return make_tables(url, options)
        except ValueError as error:
            raise UserError(f"{shown}: is no address of a database") from error
        except ImportError as error:
            missing = getattr(error, "name", None) or error
            raise UserError(f"{shown}: needs a driver that is not installed ({missing})") from error


def make_tables(url: str, options: dict[str, object]) -> RDBStorage:
    """Open a database; retry if another process creates the same tables at the same time."""
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


class OwnJournal(BaseJournalBackend):
    """A journal that a single process reads and writes, without locks and without `fsync`.

    Optuna's own backend reads back every line that it wrote and remembers its position. This one
    keeps new lines in memory until the storage reads them. A killed process loses nothing; lines
    lost in a power failure are restored from `Records`, which are written first.

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
        """Return the lines that were not read before; the storage asks for no others."""
        unread, self.unread = self.unread, []
        return unread

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write lines; OSError if the disk is full."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(lines)
        self.unread = [*self.unread, *logs]


def repair(path: Path) -> None:
    """Remove an incomplete last line, left by a full disk or a killed process."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)


def close_storage(storage: BaseStorage) -> None:
    """Close the connections to a database."""
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


@contextlib.contextmanager
def reported(url: str | None) -> Iterator[None]:
    """Report errors of a database as a UserError that names it."""
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        inner = error.__cause__ or error
        reason = str(getattr(inner, "orig", None) or inner).strip().splitlines()
        verb = "is no address of a database" if isinstance(error, ArgumentError) else "failed"
        raise UserError(
            f"--storage {hide_password(url or '')}: {verb} ({reason[0] if reason else inner}); "
            "trials that finished are kept"
        ) from error


def hide_password(url: str) -> str:
    """The address without its password."""
    url = re.sub(r"(://[^:/@]*):[^/]*@", rf"\1:{HIDDEN}@", url)
    return re.sub(r"([?&]password=)[^&]*", rf"\1{HIDDEN}", url)
