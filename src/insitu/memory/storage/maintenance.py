"""Maintenance of a memory's file: verify it, summarise it, back it up, replay its journal into a new one."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, whole_file
from insitu.memory import history
from insitu.memory.event import Event
from insitu.memory.labels import Label
from insitu.memory.model import Model
from insitu.memory.settings import settings_from
from insitu.memory.storage.database import check_available, connect_reader
from insitu.memory.storage.errors import read_errors
from insitu.memory.storage.paths import resolve_path, sync_folder
from insitu.memory.storage.store import Store
from insitu.memory.taught import inputs_by_label


def verify(path: Path) -> int:
    """Check all of the file and return the number of events in it."""
    with closing(Store.open(path, {}, readonly=True)) as store:
        return store.verify()


def info(path: Path) -> dict[str, Any]:
    """Return a summary of the file: metadata, classes with their examples, events by kind, users, first and last."""
    with closing(Store.open(path, {}, readonly=True)) as store:
        events, model, learner = list(store.journal()), store.model, settings_from(store.parameters).learner()
        return {
            **store.metadata,
            "bytes": path.stat().st_size,
            "now_s": model.now_s if model else 0.0,
            "classes": class_list(model),
            "events": dict(Counter(event.kind for event in events)),
            "teachers": sorted({event.who for event in events}),
            "first": events[0].at if events else None,
            "last": events[-1].at if events else None,
            "spent": dict(learner.cost(model.state).counts) if model and model.state else {},
        }


def taught_inputs(path: Path) -> dict[Label, list[NDArray[Any]]]:
    """Return the inputs of all current examples by their labels, as the journal holds them."""
    with closing(Store.open(path, {}, readonly=True)) as store:
        return inputs_by_label(store.journal())


def class_list(model: Model | None) -> list[dict[str, Label]]:
    """Return label and number of examples of each class."""
    labels = [] if model is None else model.labels
    return [{"label": label, "examples": int(model.counts[model.numbers[label]])} for label in labels if model]


def replay(events: list[Event], path: str | Path, given: dict[str, Any]) -> Store:
    """Apply ``events`` to a new memory with parameters ``given``, and return its store at ``path``."""
    check_available(path)
    return Store.create(path, given, events, replayed(events, given))


def replayed(events: list[Event], given: dict[str, Any]) -> Model | None:
    """Return the model of a new memory with parameters ``given`` after ``events``."""
    seed = given["random_state"]
    draw = np.random.default_rng()
    return history.replay(
        settings_from(given), events, lambda: int(draw.integers(2**31)) if seed is None else int(seed)
    )


def back_up(path: Path, out: Path) -> Path:
    """Copy the memory at ``path`` to the new file ``out`` and verify the copy; a writer may be active meanwhile."""
    path, out = resolve_path(path), check_available(out)
    Store.open(path, {}, readonly=True).close()  # refuses other files before anything is copied
    with read_errors(path), whole_file(out) as temporary:
        with closing(connect_reader(path)) as connection, closing(sqlite3.connect(temporary)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # a single file without a log
        try:
            verify(temporary)
        except InsituError as error:
            raise InsituError(str(error).replace(str(temporary), str(path))) from error
    sync_folder(out)
    return out
