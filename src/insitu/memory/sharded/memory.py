"""A memory whose classes are spread over the actors of a Ray cluster; it learns and answers as one would alone."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.core import InsituError
from insitu.engines.ray import connected
from insitu.memory.labels import Label, as_label, as_labels, check_same_kind, label_array
from insitu.memory.sharded.log import Floats, shard_files, shards_in
from insitu.memory.sharded.shard import Shard
from insitu.memory.values import check_numbers

PAUSE_S = 0.2  # before a lost actor is called again


class ShardLostError(InsituError):
    """A shard does not come back or does not answer; the others may hold their part of a change."""


@dataclass(frozen=True)
class _Result:
    """The class of every row, and its cosine."""

    labels: NDArray[Any]
    similarities: Floats


class ShardedMemory:
    """Nearest class mean by cosine, exact and in float32, over ``shards`` actors of a Ray cluster.

    ``address`` is that of the cluster; ``folder`` keeps a log of every shard, on a disk that all nodes share: a change
    is on disk before it is acknowledged, and an actor that is lost starts again from there. Without a folder, a lost
    actor ends the memory. ``wait_s`` is how long a call waits for a shard: for its start, its answer, or its return
    after it was lost. A class lies on one shard, which its label decides, and answers do not depend on the number of
    shards; that number is part of the folder and cannot be changed (None: as many as the folder has). One thread
    changes a memory at a time, and others may query it. Where a call raises because of a shard, the other shards may
    hold their part of it. ``candidates`` makes search approximate: each shard compares so many of its classes with a
    query.
    """

    def __init__(
        self,
        shards: int | None = None,
        address: str = "auto",
        folder: str | Path | None = None,
        wait_s: float = 600.0,
        candidates: int = 0,
    ) -> None:
        if shards is not None and shards < 1:
            raise InsituError(f"a memory has at least 1 shard; got {shards}")
        if candidates < 0:
            raise InsituError(f"candidates is 0 (exact search) or a number of classes; got {candidates}")
        home = None if folder is None else Path(folder).resolve()
        held = None if home is None else shards_in(home)
        shards = shards or held
        if shards is None:
            raise InsituError("a new memory needs its number of shards, which cannot be changed later; give shards")
        if held not in (None, shards):
            raise InsituError(f"{home} holds a memory of {held} shards; got {shards}")
        self._durable, self._wait_s = home is not None, wait_s
        self._shards: list[Any] = []
        self._counts: dict[Label, int] = {}  # in the order in which classes were last taught
        self._event = self._features = 0
        self._lock, self._outdated = threading.RLock(), False  # of the counts; whether shards may hold more
        self._open = ExitStack()
        self._open.enter_context(connected(address))
        try:
            self._start(shards, home, candidates)
        except BaseException:
            self.close()
            raise

    def _start(self, shards: int, home: Path | None, candidates: int) -> None:
        import ray

        cluster: Any = ray.cluster_resources  # untyped
        if (cores := int(cluster().get("CPU", 0))) < shards:
            raise InsituError(f"each shard takes a core; the cluster has {cores}, and {shards} shards are wanted")
        paths = [None] * shards if home is None else [str(file) for file in shard_files(home, shards)]
        actor = ray.remote(num_cpus=1, max_restarts=-1 if home else 0)(Shard)
        self._shards = [actor.remote(path, candidates) for path in paths]
        self._read()

    def _read(self) -> None:
        """Update numbers and counts to what the shards hold."""
        counts: dict[Label, int] = {}
        for event, features, held in self._each(lambda shard: shard.summary.remote(), range(len(self._shards))):
            self._event, self._features = max(self._event, event), max(self._features, features)
            counts |= held
        self._counts, self._outdated = counts, False

    def partial_fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn additional examples X (n, features) with labels y (n,); labels may be new. Returns self."""
        x, labels = self._vectors(X), as_labels(y)
        if len(labels) != len(x) or not len(x):
            raise InsituError(f"there is a label for each row of X, and at least one; got {len(x)} and {len(labels)}")
        check_same_kind(islice(self._held(), 1), labels)
        places: dict[int, list[int]] = defaultdict(list)
        for place, label in enumerate(labels):
            places[self._shard_of(label)].append(place)
        self._event += 1
        event = {"event": self._event, "kind": "learn"}
        changes = {
            shard: (event | {"labels": [labels[place] for place in own], "places": own}, x[own])
            for shard, own in places.items()
        }
        self._change(changes)
        with self._lock:
            self._features = x.shape[1]
            for label in labels:
                self._counts[label] = self._counts.pop(label, 0) + 1
        return self

    def forget(self, label: object) -> Self:
        """Drop a class. Raises ``InsituError`` if unknown."""
        known = as_label(label, islice(self._held(), 1))
        if known not in self._counts:
            raise InsituError(f"the memory does not hold {label!r}")
        self._event += 1
        change = {"event": self._event, "kind": "forget", "labels": [known]}
        nothing = np.zeros((0, self._features), np.float32)
        self._change({self._shard_of(known): (change, nothing)})
        with self._lock:
            del self._counts[known]
        return self

    def query(self, X: ArrayLike) -> _Result:
        """Return the most similar class of each row of X, and the cosine to its mean."""
        import ray

        if not self._held():
            raise InsituError("the memory holds no class; teach it some examples first")
        given = ray.put(self._unit(self._vectors(X)))
        found = self._each(lambda shard: shard.search.remote(given), range(len(self._shards)))
        best = [
            max(rows, key=lambda row: (row[0], -row[2][0], -row[2][1]))
            for rows in zip(*(zip(*shard, strict=True) for shard in found), strict=True)
        ]
        return _Result(label_array([row[1] for row in best]), np.array([row[0] for row in best], np.float32))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the label (n,) of the most similar class for each row of X."""
        return self.query(X).labels

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels of the current classes, sorted."""
        return label_array(sorted(self._held()))

    @property
    def class_count_(self) -> NDArray[np.int64]:
        """Number of examples of each class, in the order of ``classes_``."""
        return np.array([count for _, count in sorted(self._held().items())], np.int64)

    @property
    def events_(self) -> int:
        """Number of the last change."""
        return self._event

    @property
    def n_features_in_(self) -> int | None:
        """Number of features of a vector, None before the first example."""
        return self._features or None

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self._held())

    def examples_of(self, label: Label) -> int:
        """Return the number of examples of a class, 0 where the memory does not hold it."""
        return self._held().get(label, 0)

    def latest_classes(self, most: int) -> dict[Label, int]:
        """Return the number of examples of the classes that were taught last, ``most`` of them at most."""
        with self._lock:
            return dict(islice(reversed(self._held().items()), most))

    def close(self) -> None:
        """End the actors; what is in the folder stays."""
        import ray

        for shard in self._shards:
            ray.kill(shard)
        self._shards = []
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _held(self) -> dict[Label, int]:
        with self._lock:
            if self._outdated:
                self._read()
            return self._counts

    def _change(self, changes: dict[int, tuple[dict[str, Any], Floats]]) -> None:
        try:
            self._each(lambda shard, change: shard.change.remote(*change), changes)
        except BaseException:
            self._outdated = True
            raise

    def _vectors(self, X: ArrayLike) -> Floats:
        check_numbers(X)
        x = np.asarray(X, np.float32)
        if x.ndim != 2 or not x.size or not np.isfinite(x).all():
            raise InsituError(f"X is (n, features) of finite numbers; got {x.shape}")
        if self._features and x.shape[1] != self._features:
            raise InsituError(f"the memory holds vectors of {self._features} features; X has {x.shape[1]}")
        return x

    def _unit(self, x: Floats) -> Floats:
        lengths = np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)
        unit: Floats = (x / np.maximum(lengths, 1e-30)).astype(np.float32)
        return unit

    def _shard_of(self, label: Label) -> int:
        digest = hashlib.blake2b(repr(label).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") % len(self._shards)

    def _each(self, call: Callable[..., Any], shards: Any) -> list[Any]:
        """Return the answers of shards, all of them at work at once; a lost actor is called again once it is back.

        ``shards`` are numbers, or numbers with an argument for ``call``. A change that had been applied before the
        actor was lost has no effect the second time.
        """
        import ray

        def start(number: int) -> Any:
            more = (shards[number],) if isinstance(shards, dict) else ()
            return call(self._shards[number], *more)

        handles = {number: start(number) for number in shards}
        answers, deadline = {}, time.monotonic() + self._wait_s
        for number, handle in handles.items():
            died = 0
            while number not in answers:
                try:
                    answers[number] = ray.get(handle, timeout=max(deadline - time.monotonic(), 0))
                except ray.exceptions.GetTimeoutError as error:
                    raise ShardLostError(f"shard {number} does not answer within {self._wait_s:g} s") from error
                except ray.exceptions.RayTaskError as error:
                    cause = error.cause or error  # an OSError where its disk is full
                    raise InsituError(f"shard {number}: {_last_line(cause)}") from cause
                except ray.exceptions.RayActorError as error:
                    died += isinstance(error, ray.exceptions.ActorDiedError)
                    if not self._durable or died > 1 or time.monotonic() > deadline:  # twice: Ray has given it up
                        raise ShardLostError(f"shard {number} is lost: {_last_line(error)}") from error
                    time.sleep(PAUSE_S)
                    handle = start(number)
        return [answers[number] for number in shards]


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
