"""N-way K-shot tasks: each has a few classes that no one has seen, a few shots of each, and queries of its own.

From Omniglot (964 background characters with quarter turns as characters of their own to meta-train, 659 evaluation
characters to test), from miniImageNet (its 60 base classes to train and 40 novel ones to test: the lists at hand are
those of few-shot sessions, so numbers do not compare with the usual 64/16/20 split), or from a folder of one sub-folder
per class, all of them to test. Within a task classes are drawn without replacement and all images are different.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

from torch import Tensor

from insitu.backbones import _meta_trained, _names, _shipped
from insitu.backbones.conv4 import Conv4, Conv4Module
from insitu.core import InsituError, generator
from insitu.data import DataSet
from insitu.protocols import Examples, Inputs, Protocol, Session, episodes
from insitu.protocols.episodes import EpisodeBase
from insitu.scenarios import Scenario, _task_features
from insitu.scenarios._checks import check_data
from insitu.scenarios.task_pools import DATA_SETS, Pools, pools
from insitu.scenarios.tasks import draw

CALIBRATION = 40  # tasks of training classes that ranges of converters and weights are fitted to


@dataclass(frozen=True)
class Episodes(Scenario[EpisodeBase]):
    """Short tasks of new classes, many at once; each starts from the meta-trained weights."""

    protocol: ClassVar[Protocol] = episodes.PROTOCOL

    data_set: str = "omniglot"  # or miniimagenet
    folder: Path | None = None  # of your own images, one sub-folder per class, instead of a data set's
    backbone: str = "ortner2025_omniglot"  # meta-trained weights, which say how large and how coloured images are
    statistics: Literal["batch", "support"] | None = None  # of batch norm for queries; None: as meta-trained
    ways: int = 5
    shots: int = 5
    queries: int = 5  # per class
    tasks: int = 1000  # at most, where features come with the package
    at_once: int = 100  # tasks of a session
    drawn_for: Literal["each-seed", "all-seeds"] = "each-seed"  # whether seeds have tasks of their own or share them

    def __post_init__(self) -> None:
        if self.ways < 2:
            raise InsituError(f"ways are at least 2; got {self.ways}")
        for name in ("shots", "queries", "tasks", "at_once"):
            if getattr(self, name) < 1:
                raise InsituError(f"{name} is at least 1; got {getattr(self, name)}")
        if self.drawn_for not in ("each-seed", "all-seeds"):
            raise InsituError(f"drawn_for is each-seed or all-seeds; got {self.drawn_for!r}")
        if self.statistics not in ("batch", "support", None):
            raise InsituError(f"statistics is batch, support or none; got {self.statistics!r}")

    def inputs(self, data: str) -> Inputs:
        """Return features for those of the package, else images."""
        return Inputs.FEATURES if data == "package" else Inputs.IMAGES

    def check(self, data: str) -> None:
        """See ``Scenario.check``."""
        super().check(data)
        if self.folder is None and self.data_set not in DATA_SETS:
            raise InsituError(f"tasks come from {' or '.join(DATA_SETS)}, or --scenario.folder; got {self.data_set!r}")
        if self.folder is not None and not self.folder.is_dir():
            raise InsituError(f"folder {self.folder} is no folder; give one with a sub-folder of images per class")
        _names.check(self.backbone, ("conv4",))
        self._packed(data)

    def base(self, data: str) -> EpisodeBase:
        """Return the meta-trained weights, and tasks of the classes they were trained on for calibration."""
        network, head = self._trained()
        if self._packed(data):
            return EpisodeBase(network, head, _task_features.load(_shipped.stem(self.backbone))[0])
        return EpisodeBase(
            network, head, calibration(_pools(self.data_set, None, network.record), self.ways, self.shots, self.queries)
        )

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield the tasks, ``at_once`` in a session; those of the package are the same for every seed.

        So are drawn ones where ``drawn_for`` says so: then what differs between seeds are devices alone.
        """
        shipped = self._features()[0] if self._packed(data) else None
        pool = None if shipped else self._pools().test
        count = min(self.tasks, len(shipped[0])) if shipped else self.tasks
        for number, start in enumerate(range(0, count, self.at_once)):
            size = min(self.at_once, count - start)
            if shipped:
                part = slice(start, start + size)
                support, queries = (Examples(whole.x[part], whole.labels[part]) for whole in shipped)
            else:
                assert pool is not None
                drawn = generator(seed if self.drawn_for == "each-seed" else 0, "tasks", number)
                support, queries = draw(pool, size, self.ways, self.shots, self.queries, drawn)
            yield Session(number, 0.0, support, queries)

    def drawn(self, data: str) -> str:
        """Return that seeds draw tasks, where they do not share them."""
        return "" if self.drawn_for == "all-seeds" or self._packed(data) else "sets of tasks"

    def describe(self, data: str) -> str:
        """Say which data this is."""
        asked = f"{self.ways} ways, {self.shots} shots, {self.queries} queries per class"
        if self._packed(data):
            shipped, note = self._features()
            return f"{note}; {min(self.tasks, len(shipped[0]))} tasks of {asked}"
        which = ", drawn for each seed" if self.drawn_for == "each-seed" else ""
        return f"{self._pools().note}; {self.tasks} tasks of {asked}{which}"

    # -- parts -------------------------------------------------------------------------------------------------------

    def _packed(self, data: str) -> bool:
        """Return whether features of the package are asked for."""
        check_data(data)
        if data == "package" and self.data_set != "omniglot":
            raise InsituError(
                f"features that come with the package are of omniglot; for {self.data_set} use --data images"
            )
        if data == "package" and (self.folder is not None or self.statistics is not None):
            raise InsituError(
                "features that come with the package are made already; for a folder or statistics of "
                "your own use --data images"
            )
        return data == "package"

    def _trained(self) -> tuple[Conv4Module, Tensor]:
        network, head, _ = _meta_trained.load(_shipped.stem(self.backbone))
        if self.statistics is not None:
            network.record = replace(network.record, statistics=self.statistics)
        return network, head

    def _features(self) -> tuple[_task_features.Tasks, str]:
        _, tasks, note = _task_features.load(_shipped.stem(self.backbone))
        _task_features.check_shape(tasks, self.ways, self.shots, self.queries)
        return tasks, note

    def _pools(self) -> Pools:
        return _pools(self.data_set, self.folder, self._trained()[0].record)


def calibration(known: Pools, ways: int, shots: int, queries: int) -> Examples:
    """Return the support of tasks of training classes, always the same."""
    assert known.training is not None
    return draw(known.training, CALIBRATION, ways, shots, queries, generator(0, "calibration tasks"))[0]


@lru_cache(maxsize=4)
def _pools(data_set: str | DataSet, folder: Path | None, record: Conv4) -> Pools:
    return pools(data_set, record.size, record.channels, folder)
