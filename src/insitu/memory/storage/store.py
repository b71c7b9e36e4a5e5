"""A memory in one SQLite file: an event is stored entirely or not at all, and what was acknowledged stays.

Each event is one transaction in WAL mode with full sync, copied into the main file as soon as it is committed: a row of
the journal, and the parts of the state that the event changed. ``Store.append`` is where an event becomes durable.
"""

from __future__ import annotations

import contextlib
import getpass
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from insitu.core import InsituError
from insitu.memory import history
from insitu.memory.event import Event, apply
from insitu.memory.model import Model
from insitu.memory.settings import Settings, settings_from
from insitu.memory.storage import database, journal, metadata, rollback, schema, state_tables
from insitu.memory.storage.connections import Connection, WriterLock, connect
from insitu.memory.storage.errors import file_errors, read_errors
from insitu.memory.storage.event_check import check_who
from insitu.memory.storage.identity import FileIdentity
from insitu.memory.storage.journal_check import check_journal
from insitu.memory.storage.parameters import check_encoder_file, read_parameters
from insitu.memory.storage.paths import resolve_path
from insitu.memory.storage.records import allowed_records
from insitu.memory.storage.state_check import check_model, check_shapes


class Store:
    """An open file. ``model`` is the current state, None before the first event."""

    # entered while a commit waits for the disk
    committing: Callable[[], AbstractContextManager[None]] = staticmethod(contextlib.nullcontext)

    def __init__(self, path: Path, connection: Connection, version: int, given: dict[str, Any]) -> None:
        self.path = path
        self.model: Model | None = None
        self.metadata = metadata.read(connection, version)
        self.parameters: dict[str, Any] = read_parameters(
            self.metadata["parameters"], given, self.metadata["fingerprint"]
        )
        self._connection = connection
        self._identity = FileIdentity(path, writable=False)
        self._writer_lock: WriterLock | None = None  # None where the file is read-only
        self._who = ""
        self._lock = threading.RLock()
        self._settings: Settings | None = None  # set at the first event
        self._arrays: state_tables.Arrays = {}  # of the model, as they are in the file
        self._closed = False
        self._consistent = True  # whether ``model`` is known to be what the file holds
        self._load()

    @classmethod
    def open(cls, path: str | Path, given: dict[str, Any], readonly: bool = False, who: str | None = None) -> Store:
        """Open the file, or create it with the parameters ``given``; see ``Memory.open``."""
        path = resolve_path(path)
        if who is not None:
            check_who(who)
        with read_errors(path):
            if readonly:
                return cls._open_reader(path, given)
            # wrong parameters are reported before any file is created
            about = None if path.exists() else metadata.new_metadata(given)
            lock = WriterLock(path)
            try:
                if not path.exists():
                    database.create(path, about or metadata.new_metadata(given), [], None)
                return cls._open_writer(path, given, lock, who)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def create(cls, path: str | Path, given: dict[str, Any], events: list[Event], model: Model | None) -> Store:
        """Create a file with parameters ``given``, these events and the model after them, and open it."""
        about = metadata.new_metadata(given)
        resolved = resolve_path(path)
        with file_errors(resolved):
            lock = WriterLock(resolved)
            try:
                database.create(database.check_available(path), about, events, model)
            finally:
                lock.release()
        return Store.open(resolved, given)

    @classmethod
    def _open_reader(cls, path: Path, given: dict[str, Any]) -> Store:
        if not path.is_file():
            raise InsituError(f"there is no memory at {path}; give the path of one")
        database.check_file(path)
        connection = database.connect_reader(path)
        try:
            return cls(path, connection, schema.version_of(connection), given)
        except BaseException:
            connection.close()
            raise

    @classmethod
    def _open_writer(cls, path: Path, given: dict[str, Any], lock: WriterLock, who: str | None) -> Store:
        database.check_file(path)
        connection = connect(path, "rw")
        try:
            version = schema.version_of(connection)  # before anything is written into a file of another program
            database.check_integrity(connection)  # writing to a damaged file makes it worse
            store = cls(path, connection, version, given)
            database.prepare_writer(connection, version)
            store._writer_lock, store._who = lock, _user_name() if who is None else who
            store._identity = FileIdentity(path, writable=True)
            return store
        except BaseException:
            connection.close()
            raise

    # -- content -----------------------------------------------------------------------------------------------------

    @property
    def lock(self) -> threading.RLock:
        """Lock to hold during a change; raises ``InsituError`` in a forked child, which cannot change the file."""
        self._identity.check_process()
        return self._lock

    def journal(self) -> Iterator[Event]:
        """Yield all events, the oldest first; raise ``InsituError`` at the first damaged one."""
        self._check_open()
        self._identity.check_process()
        with read_errors(self.path):
            yield from journal.events(self._connection)

    def headers(self) -> Iterator[Event]:
        """Yield all events without the inputs of ``fit`` and ``learn``; digests are not checked."""
        self._check_open()
        self._identity.check_process()
        with read_errors(self.path):
            yield from journal.headers(self._connection)

    def event(self, number: int) -> Event:
        """Return event ``number`` of the journal."""
        self._check_open()
        with read_errors(self.path):
            return journal.event(self._connection, number)

    def last_change(self) -> int | None:
        """Return the number in the journal of the change that the next undo takes back, None where there is none."""
        self._check_open()
        kinds = list(journal.kinds(self._connection))
        back = history.last_change(kinds)
        return None if back is None else len(kinds) - back

    def append(self, event: Event) -> Model:
        """Apply ``event``, commit it with the model after it, and return that model."""
        with self.lock, file_errors(self.path):
            self._check_writable()
            if not self._consistent:
                self._load()
            if self._settings is None:
                self._settings = self._check_encoder()
            seed = self.parameters["random_state"]
            model_seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
            before = self._before_last_change() if event.kind == "undo" else None
            model = apply(self._settings, self.model, event, model_seed, before)
            self._commit(event, model)
            return model

    def verify(self) -> int:
        """Check every row and digest, compare the state with the journal, and return the number of events.

        Raises ``InsituError`` where something is damaged.
        """
        self._check_open()
        with self.lock, read_errors(self.path):
            database.check_integrity(self._connection)
            self._load()
            events = list(self.journal())
            check_journal(events, self.model, self.parameters)
            rollback.verify(self._connection)
            if self.model is not None:
                check_model(self.model, settings_from(self.parameters))
            return len(events)

    def close(self) -> None:
        """Close the file and release its lock. In a forked child, the parent's file stays open."""
        if not self._identity.is_forked:
            with self._lock:
                removable = self._writer_lock is not None and self._empty_orphaned_log()
                self._connection.close()
                if removable:
                    self._identity.remove_logs()
                if self._writer_lock is not None:
                    self._writer_lock.release()
                    self._writer_lock = None
        self._closed = True

    # -- parts -------------------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise InsituError(f"{self.path} was closed; open it again")

    def _check_writable(self) -> None:
        self._check_open()
        if self._writer_lock is None:
            raise InsituError(f"{self.path} was opened with readonly=True; open it without to change it")
        self._identity.check_files()
        self._identity.check_content(self._connection)

    def _check_encoder(self) -> Settings:
        settings = settings_from(self.parameters)
        check_encoder_file(self.path, settings.encoder)
        if settings.fingerprint() != self.metadata["fingerprint"]:
            advice = "give the encoder it was fitted with"
            if settings.keeps_images:
                advice = "export it and import it with --replay, which encodes the same images with the present weights"
            raise InsituError(
                f"{self.path} was fitted with other weights of encoder {settings.identity()}, digest "
                f"{self.metadata['fingerprint']}; {advice}"
            )
        return settings

    def _empty_orphaned_log(self) -> bool:
        """Copy the log of a main file that was deleted, moved or replaced into it; return whether that succeeded."""
        if not self._identity.is_orphaned:
            return False
        with contextlib.suppress(sqlite3.Error):
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            return not busy
        return False

    def _commit(self, event: Event, model: Model) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            number = journal.append(self._connection, [event], self._who)
            tree = rollback.tree_of(self._connection)
            arrays = state_tables.write_model(self._connection, number, model, self._arrays)
            rollback.record(self._connection, number, tree, self._arrays, arrays)
            with self.committing():
                self._connection.execute("COMMIT")
        except BaseException:
            self._consistent = False  # until the file has been read again
            if self._connection.in_transaction:
                self._connection.rollback()
            raise
        finally:
            self._identity.record_snapshot()
        self.model, self._arrays = model, arrays

    def _before_last_change(self) -> Model | None:
        """Return the model before the change that an undo takes back, None where that is the first event."""
        number = self.last_change()
        if number is None or self.model is None:
            raise InsituError("there is no change to undo: a memory goes back to its fit, or to its first event")
        if number == 1:
            return None
        records = allowed_records(type(settings_from(self.parameters).substrate))
        with read_errors(self.path):
            before = rollback.read(self._connection, number, self._arrays, records)
            if before is not None and before.kept_ids is not None:
                return before
            events = list(journal.events(self._connection))[: number - 1]
        if before is not None:
            return history.identify(before, events)
        seed, settings = self.model.seed, self._check_encoder()
        return history.replay(settings, events, lambda: seed)

    def _load(self) -> None:
        settings = settings_from(self.parameters)
        with read_errors(self.path):
            model, arrays = state_tables.read_model(self._connection, allowed_records(type(settings.substrate)))
            if model is not None:
                check_shapes(model, settings)
                if model.kept_ids is None:
                    model = history.identify(model, journal.events(self._connection))
        self.model, self._arrays, self._consistent = model, arrays, True


def _user_name() -> str:
    try:
        name = getpass.getuser()
        check_who(name)
    except (KeyError, OSError, InsituError):  # a container without user names, or a name that cannot be stored
        return ""
    return name
