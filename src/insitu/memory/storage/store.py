"""A memory in one SQLite file: an event is there as a whole, or not at all, and what was acknowledged stays.

Each event is one transaction in WAL mode with full sync, copied into the main file as soon as it is committed: a row of
the journal, and the parts of the state that it changed. Every row is under a digest; the journal's cover all before.
"""

from __future__ import annotations

import contextlib
import getpass
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from insitu.core import InsituError
from insitu.ledger import Ledger
from insitu.memory.event import Event, apply
from insitu.memory.model import Model
from insitu.memory.names import check_who, checked_path
from insitu.memory.settings import Settings, settings_from
from insitu.memory.storage import fork, header, schema, tables
from insitu.memory.storage.agreement import check_agreement
from insitu.memory.storage.failures import explained, explained_reading
from insitu.memory.storage.identity import Identity, check_single_name
from insitu.memory.storage.leftovers import check_log
from insitu.memory.storage.lock import Lock
from insitu.memory.storage.mark import Mark, check_mark, mark_of
from insitu.memory.storage.new_file import create
from insitu.memory.storage.parameters import parameters
from insitu.memory.storage.records import records
from insitu.memory.storage.soundness import check_model, check_shapes


class Store:
    """An open file. ``model`` is what the memory knows, None before the first event."""

    def __init__(self, path: Path, connection: fork.Connection, version: int, given: dict[str, Any]) -> None:
        self.path = path
        self.model: Model | None = None
        self.about = header.read(connection, version)  # the parameters, and when the file was made
        self.parameters: dict[str, Any] = parameters(self.about["parameters"], given)
        self._connection = connection
        self._identity = Identity(path, files=False)
        self._lock: Lock | None = None  # None where it is only read
        self._left: Mark | None = None  # how this writer left the main file
        self._who = ""
        self._busy = threading.RLock()
        self._settings: Settings | None = None  # once they were needed
        self._arrays: tables.Arrays = {}  # of the model, as they are in the file
        self._closed = False
        self._whole = True  # whether model and file are known to agree
        self._load()

    @classmethod
    def open(cls, path: str | Path, given: dict[str, Any], readonly: bool = False, who: str | None = None) -> Store:
        """Open the file, or make one with the parameters ``given``; see ``Memory.open``."""
        path = checked_path(path)
        if who is not None:
            check_who(who)
        with explained_reading(path):
            if readonly:
                return cls._reader(path, given)
            # what is wrong with the parameters is said before there is any file
            about = None if path.exists() else header.about_of(given)
            lock = Lock(path)
            try:
                if not path.exists():
                    create(path, about or header.about_of(given), [], None, "")
                return cls._writer(path, given, lock, who)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def _reader(cls, path: Path, given: dict[str, Any]) -> Store:
        if not path.is_file():
            raise InsituError(f"there is no memory at {path}; give the path of one")
        _check_file(path)
        connection = to_read(path)
        try:
            return cls(path, connection, schema.version_of(connection), given)
        except BaseException:
            connection.close()
            raise

    @classmethod
    def _writer(cls, path: Path, given: dict[str, Any], lock: Lock, who: str | None) -> Store:
        _check_file(path)
        connection = fork.connect(path, "rw")
        try:
            version = schema.version_of(connection)  # before anything is written into a file of another program
            check_integrity(connection)  # what is damaged gets worse by writing
            store = cls(path, connection, version, given)
            for _ in tables.rows_of(connection):
                pass  # a new row is under a digest of all before it, so that the chain must hold
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 1")  # whoever copies the main file alone has all of it
            if version < len(schema.STEPS):
                connection.execute("BEGIN IMMEDIATE")
                schema.migrate(connection, version)
                header.seal(connection)
                connection.execute("COMMIT")
            with contextlib.suppress(sqlite3.OperationalError):  # a full disk: the log is as good
                connection.execute("PRAGMA wal_checkpoint")
            store._lock, store._who = lock, _user() if who is None else who
            store._identity, store._left = Identity(path, files=True), mark_of(path)
            return store
        except BaseException:
            connection.close()
            raise

    # -- what it holds -----------------------------------------------------------------------------------------------

    @property
    def busy(self) -> threading.RLock:
        """Lock that is held while something happens; raises ``InsituError`` in a forked child, where none can."""
        self._identity.check_process()
        return self._busy

    def settings(self) -> Settings:
        """Return what the memory was made with; raise ``InsituError`` where its backbone is another one by now."""
        found = settings_from(self.parameters)
        if found.fingerprint() != self.about["fingerprint"]:
            raise InsituError(
                f"{self.path} was taught through other weights of {found.backbone}; "
                "export it and import it with --replay, which shows the same images to the present ones"
            )
        return found

    def cost(self) -> Ledger:
        """Return what teaching has spent."""
        learner = settings_from(self.parameters).learner()
        return learner.cost(self.model.state) if self.model is not None and self.model.state is not None else Ledger()

    def journal(self) -> Iterator[Event]:
        """Yield all events, the oldest first; raise ``InsituError`` at the first that is not as it was written."""
        self._check_open()
        self._identity.check_process()
        with explained_reading(self.path):
            yield from tables.events_of(self._connection)

    def happened(self, event: Event) -> Model:
        """Let ``event`` happen, keep it in the file for good, and return the memory after it."""
        with self.busy, explained(self.path):
            self._check_writable()
            if not self._whole:
                self._load()
            if self._settings is None:
                self._settings = self.settings()
            seed = self.parameters["random_state"]
            fresh = int(np.random.default_rng().integers(2**31)) if seed is None else seed
            model = apply(self._settings, self.model, event, fresh)
            self._keep(event, model)
            return model

    def verify(self) -> int:
        """Return the number of events, every row and digest checked, and the state compared with the journal.

        Raises ``InsituError`` where something is damaged.
        """
        self._check_open()
        with self.busy, explained_reading(self.path):
            check_integrity(self._connection)
            self._load()
            events = list(self.journal())
            check_agreement(events, self.model, self.parameters)
            if self.model is not None:
                check_model(self.model, settings_from(self.parameters))
            return len(events)

    def close(self) -> None:
        """Give the file back. In a forked child it stays the parent's."""
        if not self._identity.forked:
            with self._busy:
                orphaned = self._lock is not None and self._emptied_orphan()
                self._connection.close()
                if orphaned:
                    self._identity.remove_logs()
                if self._lock is not None:
                    self._lock.release()
                    self._lock = None
        self._closed = True

    # -- parts -------------------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise InsituError(f"{self.path} was closed; open it again")

    def _check_writable(self) -> None:
        self._check_open()
        if self._lock is None:
            raise InsituError(f"{self.path} was opened to be read; open it without readonly=True to teach it")
        self._identity.check_files()
        check_mark(self.path, self._left, self._connection)

    def _emptied_orphan(self) -> bool:
        """Copy the log of a main file that was deleted, moved or replaced into it; return whether that was so."""
        if not self._identity.orphaned:
            return False
        with contextlib.suppress(sqlite3.Error):
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            return not busy
        return False

    def _keep(self, event: Event, model: Model) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            number = tables.append(self._connection, [event], self._who)
            arrays = tables.write_model(self._connection, number, model, self._arrays)
            self._connection.execute("COMMIT")
        except BaseException:
            self._whole = False  # until the file has been read again
            if self._connection.in_transaction:
                self._connection.rollback()
            raise
        finally:
            self._left = mark_of(self.path)
        self.model, self._arrays = model, arrays

    def _load(self) -> None:
        settings = settings_from(self.parameters)
        with explained_reading(self.path):
            found = tables.read_model(self._connection, records(type(settings.substrate)))
            if found[1] is not None:
                check_shapes(found[1], settings)
        _, self.model, self._arrays = found
        self._whole = True


def check_integrity(connection: sqlite3.Connection) -> None:
    """Raise ``InsituError`` where SQLite finds pages or indices that do not fit together."""
    found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)").fetchall()]
    if found != ["ok"]:
        first = found[0].removeprefix("*** in database main ***").split("\n")
        raise InsituError(f"it is damaged: {' '.join(first).strip()}; restore a copy")


def _check_file(path: Path) -> None:
    check_single_name(path)
    if path.is_file() and not path.stat().st_size:
        raise InsituError("it is empty, and no memory or damaged; delete it to make a new memory there")
    check_log(path)


def to_read(path: Path) -> fork.Connection:
    """Return a connection that reads the file, also where the folder cannot be written."""
    logged = Path(f"{path}-wal").exists()
    # the last one that may write takes the log away; where there is one already, a reader leaves it as it is
    for mode in ("ro", "ro&immutable=1") if logged else ("rw", "ro", "ro&immutable=1"):
        connection = fork.connect(path, mode)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            # readers share a file beside it, which a folder may refuse; one that was closed properly does without
            connection.close()
            if "immutable" in mode or Path(f"{path}-wal").exists():
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError("one of the ways returns or raises")


def _user() -> str:
    try:
        name = getpass.getuser()
        check_who(name)
    except (KeyError, OSError, InsituError):  # a container without names, or a name that is no text
        return ""
    return name
