"""N-way K-shot tasks: each has a few classes that no one has seen, a few shots of each, and queries of its own.

From Omniglot (964 background characters with quarter turns as characters of their own to meta-train, 659 evaluation
characters to test), from miniImageNet (its 60 base classes to train and 40 novel ones to test: the lists at hand are
those of few-shot sessions, so numbers do not compare with the usual 64/16/20 split), or from a folder of one sub-folder
per class, all of them to test. Within a task classes are drawn without replacement and all images are different.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from insitu.backbones import _meta_trained, _shipped
from insitu.backbones.conv4 import Conv4
from insitu.core import InsituError, generator
from insitu.data import DataSet
from insitu.learners._episodes import EpisodeBase
from insitu.scenarios import Scenario, Session
from insitu.scenarios._task_pools import Pools, pools
from insitu.scenarios._tasks import draw

CALIBRATION = 8  # tasks of training classes that ranges of converters and weights are fitted to


@dataclass(frozen=True)
class Episodes(Scenario):
    """Short tasks of new classes, many at once; each starts from the meta-trained weights."""

    data_set: str = "omniglot"  # or miniimagenet
    folder: Path | None = None  # of your own images, one sub-folder per class, instead of a data set's
    backbone: str = "ortner2025_omniglot"  # meta-trained weights, which say how large and how coloured images are
    ways: int = 5
    shots: int = 5
    queries: int = 5  # per class
    tasks: int = 1000
    at_once: int = 100  # tasks of a session
    wait_s: float = 60.0  # from writing the weights to the first task, and from session to session

    def __post_init__(self) -> None:
        if self.ways < 2:
            raise InsituError(f"ways are at least 2; got {self.ways}")
        for name in ("shots", "queries", "tasks", "at_once"):
            if getattr(self, name) < 1:
                raise InsituError(f"{name} is at least 1; got {getattr(self, name)}")
        if not 0 <= self.wait_s < float("inf"):
            raise InsituError(f"wait_s is 0 or more seconds, since time runs forward; got {self.wait_s}")

    def base(self, data: str) -> EpisodeBase:
        """Return the meta-trained weights, and tasks of the classes they were trained on for calibration."""
        network, head, _ = _meta_trained.load(_shipped.stem(self.backbone))
        known = _pools(self.data_set, None, network.record)
        assert known.training is not None
        rng = generator(0, "calibration tasks")
        support, _ = draw(known.training, CALIBRATION, len(head), self.shots, self.queries, rng)
        return EpisodeBase(network, head, support)

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield session 0, in which nothing is learned and queries of the first tasks are asked, then the tasks."""
        record = _meta_trained.load(_shipped.stem(self.backbone))[0].record
        pool = _pools(self.data_set, self.folder, record).test
        sizes = [min(self.at_once, self.tasks - start) for start in range(0, self.tasks, self.at_once)]
        for number, size in enumerate(sizes, 1):
            drawn = generator(seed, "tasks", number)
            support, queries = draw(pool, size, self.ways, self.shots, self.queries, drawn)
            if number == 1:
                yield Session(0, 0.0, None, queries, base_classes=0)
            yield Session(number, number * self.wait_s, support, queries, base_classes=0)

    def describe(self, data: str) -> str:
        """Say which data this is."""
        record = _meta_trained.load(_shipped.stem(self.backbone))[0].record
        note = _pools(self.data_set, self.folder, record).note
        return f"{note}; {self.tasks} tasks of {self.ways} ways, {self.shots} shots, {self.queries} queries per class"


@lru_cache(maxsize=4)
def _pools(data_set: str | DataSet, folder: Path | None, record: Conv4) -> Pools:
    return pools(data_set, record.size, record.channels, folder)
