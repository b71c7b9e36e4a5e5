"""A memory in one SQLite file: an event is there as a whole, or not at all, and what was acknowledged stays.

Each event is one transaction in WAL mode with full sync: a row of the journal, and the parts of the state that it
changed. Rows of the journal carry a digest that covers all rows before them, parts and the head one of their own.
"""

from __future__ import annotations

import getpass
import json
import sqlite3
import threading
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from insitu.core import InsituError
from insitu.ledger import Ledger
from insitu.memory import _tree
from insitu.memory._event import Event, apply
from insitu.memory._failures import explained, explained_reading
from insitu.memory._lock import Lock
from insitu.memory._nouns import Model
from insitu.memory._parameters import DEFAULTS, described, parameters
from insitu.memory._rows import LEVEL, chained, digest_of, event_of, now, row_of
from insitu.memory._schema import STEPS, migrate, version_of
from insitu.memory._settings import Settings, settings_from


class Store:
    """An open file. ``model`` is what the memory knows, None before the first event."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: Lock | None, who: str) -> None:
        self.path = path
        self.who = who
        self.model: Model | None = None
        self._connection = connection
        self._lock = lock  # None where it is only read
        self.busy = threading.RLock()  # held while something happens
        self._settings: Settings | None = None  # once they were needed
        self._arrays: dict[str, _tree.Array] = {}  # of the model, as they are in the file
        self._closed = False
        self._whole = True  # whether model and file are known to agree

    @classmethod
    def open(cls, path: Path, given: dict[str, Any], readonly: bool = False, who: str | None = None) -> Store:
        """Open the file, or make one with the parameters ``given``; see ``Memory.open``."""
        path = path.resolve()
        with explained_reading(path):
            if readonly:
                return cls._reader(path, given)
            lock = Lock(path)
            try:
                return cls._writer(path, given, lock, who)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def _reader(cls, path: Path, given: dict[str, Any]) -> Store:
        if not path.is_file():
            raise InsituError(f"there is no memory at {path}; give the path of one")
        connection = _to_read(path)
        try:
            if version_of(connection) < len(STEPS):
                raise InsituError("its tables are of an older insitu; open it for writing once, which renews them")
            return cls(path, connection, None, "")._loaded(given)
        except BaseException:
            connection.close()
            raise

    @classmethod
    def _writer(cls, path: Path, given: dict[str, Any], lock: Lock, who: str | None) -> Store:
        connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        try:
            version = version_of(connection)  # before anything is written into a file of another program
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection)
            if not version:
                made_with = described(given)
                used = settings_from(parameters(made_with)).fingerprint()
                facts = {"parameters": made_with, "made": now(), "fingerprint": used}
                rows = [(name, json.dumps(value)) for name, value in facts.items()]
                connection.executemany("INSERT INTO about VALUES (?, ?)", rows)
            connection.execute("COMMIT")
            return cls(path, connection, lock, _user() if who is None else who)._loaded(given)
        except BaseException:
            connection.close()
            raise

    def _loaded(self, given: dict[str, Any]) -> Store:
        kept: dict[str, Any] = self.about["parameters"]
        asked = described(DEFAULTS | parameters(kept) | given) if given else kept
        if odd := [name for name in kept if kept[name] != asked[name]]:
            raise InsituError(
                f"the memory was made with another {odd[0]}; leave it out, or replay the memory into a new file"
            )
        self._load()
        return self

    # -- what it holds -----------------------------------------------------------------------------------------------

    @property
    def about(self) -> dict[str, Any]:
        """What was noted when the file was made: the parameters, and when."""
        return {name: json.loads(value) for name, value in self._connection.execute("SELECT name, value FROM about")}

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the memory."""
        return parameters(self.about["parameters"])

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
        before = b""
        with explained_reading(self.path):
            for number, (row, digest) in enumerate(self._rows(), 1):
                before = chained(before, row)
                if digest != before or row[0] != number:
                    raise InsituError(f"event {number} of the journal is not as it was written; restore a copy")
                yield event_of(row)

    def happened(self, event: Event) -> Model:
        """Let ``event`` happen, keep it in the file for good, and return the memory after it."""
        with self.busy, explained(self.path):
            if self._closed:
                raise InsituError(f"{self.path} was closed; open it again")
            if self._lock is None:
                raise InsituError(f"{self.path} was opened to be read; open it without readonly=True to teach it")
            if not self._whole:
                self._load()
            if self._settings is None:
                self._settings = self.settings()
            seed = self.about["parameters"]["random_state"]
            fresh = int(np.random.default_rng().integers(2**31)) if seed is None else seed
            model = apply(self._settings, self.model, event, fresh)
            self._keep([event], model)
            return model

    def adopt(self, events: list[Event], model: Model) -> None:
        """Keep in this empty file a memory that lived elsewhere: all of its events, and what it knows after them."""
        with self.busy, explained(self.path):
            if self._lock is None or self.model is not None:
                raise InsituError(f"{self.path} holds a memory already; choose a new file")
            self._keep(events, model)

    def verify(self) -> int:
        """Return the number of events, every row and digest checked; raise ``InsituError`` where one is damaged."""
        with self.busy, explained_reading(self.path):
            found = [row[0] for row in self._connection.execute("PRAGMA integrity_check(5)")]
            if found != ["ok"]:
                raise InsituError(f"{self.path} is damaged: {found[0]}; restore a copy")
            self._load()
            events = sum(1 for _ in self.journal())
            held = self._connection.execute("SELECT event FROM head").fetchone()
            if events != (held[0] if held else 0):
                raise InsituError(f"{self.path} is damaged: {events} events, but a state after {held}; restore a copy")
            return events

    def close(self) -> None:
        """Give the file back."""
        with self.busy, closing(self._connection):
            self._closed = True
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    # -- parts -------------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[tuple[tuple[Any, ...], bytes]]:
        query = "SELECT number, kind, at, who, labels, seconds, data, digest FROM journal ORDER BY number"
        for row in self._connection.execute(query):
            yield row[:-1], row[-1]

    def _keep(self, events: list[Event], model: Model) -> None:
        arrays: dict[str, _tree.Array] = {}
        tree = json.dumps(_tree.flat(model, "model", arrays), separators=(",", ":"))
        run = self._connection.execute
        try:
            run("BEGIN IMMEDIATE")
            newest = "SELECT number, digest FROM journal ORDER BY number DESC LIMIT 1"
            number, digest = run(newest).fetchone() or (0, b"")
            for event in events:
                number += 1
                row = row_of(number, event, self.who)
                digest = chained(digest, row)
                run("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, digest))
            for path in self._arrays.keys() - arrays.keys():
                run("DELETE FROM parts WHERE path = ?", (path,))
            for path, array in arrays.items():
                self._keep_array(path, array)
            run("REPLACE INTO head VALUES (1, ?, ?, ?)", (number, tree, digest_of(str(number), tree)))
            run("COMMIT")
        except BaseException:
            self._whole = False  # until the file has been read again
            if self._connection.in_transaction:
                self._connection.rollback()
            raise
        self.model, self._arrays = model, arrays

    def _keep_array(self, path: str, array: _tree.Array) -> None:
        old = self._arrays.get(path)
        parts = _tree.changed(path, old, array)
        after = _tree.parted(path, array)
        if old is not None and len(_tree.parted(path, old)) > len(after):
            self._connection.execute("DELETE FROM parts WHERE path = ? AND part >= ?", (path, len(after)))
        for part in parts:
            data = zlib.compress(np.ascontiguousarray(after[part]).tobytes(), LEVEL)
            row = (path, part, data, digest_of(path, str(part), data))
            self._connection.execute("REPLACE INTO parts VALUES (?, ?, ?, ?)", row)

    def _load(self) -> None:
        """Read the state, all of one moment."""
        run = self._connection.execute
        run("BEGIN")
        try:
            head = run("SELECT event, tree, digest FROM head").fetchone()
            rows = run("SELECT path, part, data, digest FROM parts").fetchall()
        finally:
            run("COMMIT")
        if head is None:
            self.model, self._arrays, self._whole = None, {}, True
            return
        if digest_of(str(head[0]), head[1]) != head[2]:
            raise InsituError(f"{self.path} is damaged: the head of the state; restore a copy")
        parts: dict[str, dict[int, bytes]] = defaultdict(dict)
        for path, part, data, digest in rows:
            if digest_of(path, str(part), data) != digest:
                raise InsituError(f"{self.path} is damaged: part {part} of {path}; restore a copy")
            parts[path][part] = zlib.decompress(data)
        self.model = _tree.grown(
            json.loads(head[1]), lambda path, kind, shape: _tree.joined(path, kind, shape, parts[path])
        )
        self._arrays = {}
        _tree.flat(self.model, "model", self._arrays)
        self._whole = True


def _to_read(path: Path) -> sqlite3.Connection:
    for how in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            # readers share a file beside it, which a folder may refuse; one that was closed properly does without
            connection.close()
            if "immutable" in how or Path(f"{path}-wal").exists():
                raise
        else:
            return connection
    raise AssertionError("one of the two ways returns or raises")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without names
        return ""
