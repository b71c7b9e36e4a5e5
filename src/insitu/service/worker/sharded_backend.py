"""A sharded memory as the engine uses it: it is taught vectors, classifies them, and forgets classes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from insitu.memory.labels import Label
from insitu.memory.sharded import ShardedMemory, ShardLostError
from insitu.service import sample_drawings
from insitu.service.actions import inspection, items
from insitu.service.actions.changes import Changed, labels_of
from insitu.service.actions.checks import check_features, no_class, no_such_class
from insitu.service.actions.views import Json
from insitu.service.labels import find_counted
from insitu.service.limits import Limits
from insitu.service.worker.backend import Answers, Backend, Lent

LISTED = 1000  # classes that are listed; a list of millions would be larger than a browser shows
UNABLE = "a sharded memory only learns, predicts and forgets vectors; for this, serve a memory in a file"
LOST = "a shard of the memory is lost or does not answer; a change may be stored or not: look before a retry"

log = logging.getLogger("insitu.server")


class ShardedBackend(Backend):
    """A ``ShardedMemory``; the actions that it lacks raise 409."""

    def __init__(self, memory: ShardedMemory) -> None:
        self.memory = memory
        self._lent: Lent = nullcontext
        self._actions: dict[str, Callable[..., Any]] = {
            "changes.teach": self._teach,
            "changes.forget": self._forget,
            "inspection.describe": self._describe,
            "inspection.examples": lambda limits: sample_drawings.examples(),
        }

    def run(self, action: str, arguments: tuple[Any, ...], limits: Limits) -> Any:
        """Call the method of the action; raise 409 where there is none."""
        if action not in self._actions:
            raise HTTPException(409, UNABLE)
        with self._waiting():
            return self._actions[action](limits, *arguments)

    def decode(self, given: items.Given, limits: Limits) -> NDArray[Any]:
        """Return vectors as rows."""
        return items.decode_vectors(given, limits)

    def answer(self, x: NDArray[Any], familiarity: bool) -> Answers:
        """Find the most similar class of every row."""
        if familiarity:
            raise HTTPException(409, UNABLE)
        with self._waiting():
            count = len(self.memory)
            if not count:
                raise no_class()
            check_features(self.memory, x)
            found = self.memory.query(x)
        pairs = zip(found.labels.tolist(), found.similarities.tolist(), strict=True)
        rows = [_prediction(str(label), similarity) for label, similarity in pairs]
        return lambda part, top_k: {"predictions": rows[part], "classes": count, "query": {}, "energy_nj": None}

    @property
    def state(self) -> tuple[int, int]:
        """The numbers of events and of classes."""
        return self.memory.events_, len(self.memory)

    def lend(self, lent: Lent) -> None:
        """Enter ``lent()`` while shards compute."""
        self._lent = lent

    def close(self) -> None:
        """End the actors."""
        self.memory.close()

    def _teach(self, limits: Limits, names: list[str], given: items.Given, with_devices: bool) -> Changed:
        x = items.decode_vectors(given, limits)
        check_features(self.memory, x)
        labels = labels_of(self._find, names)
        self.memory.partial_fit(x, labels)
        return self._changed("learn", dict.fromkeys(labels))

    def _forget(self, limits: Limits, name: str) -> Changed:
        label = self._find(name)
        if label is None:
            raise no_such_class()
        self.memory.forget(label)
        return self._changed("forget", {label: None})

    def _describe(self, limits: Limits) -> Json:
        classes = self.memory.latest_classes(LISTED)
        return {
            "input": "vector",
            "encoder": None,
            "features": self.memory.n_features_in_,
            "dim": self.memory.n_features_in_ or 0,
            "substrate": "float32 over shards",
            "compensation": None,
            "cells": False,
            "kept_in_file": False,
            "corrections": False,
            "familiarity": False,
            "events": self.memory.events_,
            "now_s": 0.0,
            "classes": [{"label": str(label), "examples": classes[label]} for label in sorted(classes)],
            "class_count": len(self.memory),
            "spent": {},
            "query": {},
            "energy_nj": {"spent": None, "query": None},
            "limits": inspection.request_limits(limits),
        }

    def _find(self, name: str) -> Label | None:
        kind = type(next(iter(self.memory.latest_classes(1)), ""))
        found: Label | None = find_counted(name, kind, self.memory.examples_of)
        return found

    def _changed(self, kind: str, labels: dict[Label, None]) -> Changed:
        counts = {label: self.memory.examples_of(label) for label in labels}
        event, spent = self.memory.events_, dict[str, int]()
        held = [{"label": str(label), "examples": count} for label, count in counts.items() if count]
        note = {"event": event, "labels": [*map(str, labels)], "classes": len(self.memory), "spent": spent}
        return {"event": event, "classes": held, "spent": spent, "energy_nj": None}, (kind, note)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        try:
            with self._lent():
                yield
        except ShardLostError as error:
            log.error("%s", error)
            raise HTTPException(503, LOST, {"retry-after": "5"}) from None


def _prediction(label: str, similarity: float) -> Json:
    score = {"label": label, "similarity": round(similarity, 5), "probability": None}
    return {"label": label, "familiarity": None, "scores": [score]}
