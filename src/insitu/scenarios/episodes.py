"""N-way K-shot tasks: each has a few unseen classes, a few shots of each, and queries of its own.

From Omniglot (964 background characters with quarter turns as characters of their own to meta-train, 659 evaluation
characters to test), from miniImageNet (60 base classes to train and 40 novel ones to test: these are the lists of
few-shot sessions, so numbers do not compare with the usual 64/16/20 split), or from a folder of one sub-folder per
class, all of them to test. Within a task, classes are drawn without replacement and all images are different.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

from torch import Tensor

from insitu.backbones import trained, weights_file
from insitu.backbones.conv4 import Conv4, Conv4Module
from insitu.core import InsituError, generator
from insitu.data import DataSet
from insitu.protocols import Examples, Inputs, Protocol, Session, episodes
from insitu.protocols.episodes import EpisodeBase
from insitu.scenarios import Scenario, task_features
from insitu.scenarios.checks import check_data
from insitu.scenarios.task_pools import DATA_SETS, Pools, pools
from insitu.scenarios.tasks import check_drawing, draw, task_generator

CALIBRATION = 40  # tasks of training classes that ranges of converters and weights are fitted to


@dataclass(frozen=True)
class Episodes(Scenario[EpisodeBase]):
    """Short tasks of new classes, many in a batch; each starts from the meta-trained weights."""

    protocol: ClassVar[Protocol] = episodes.PROTOCOL

    data_set: str = "omniglot"  # name of the data set that tasks are drawn from: omniglot or miniimagenet
    folder: Path | None = None  # folder of your own images, one sub-folder per class, to draw tasks from instead
    backbone: str = "ortner2025_omniglot"  # name of the meta-trained weights, which also set size and colours of images
    # statistics that batch norm applies to queries: of all queries of a task, or of its support; None: as meta-trained
    statistics: Literal["batch", "support"] | None = None
    ways: int = 5  # number of classes of a task
    shots: int = 5  # number of examples per class to learn from
    queries: int = 5  # number of examples per class to test
    tasks: int = 1000  # number of tasks; at most as many as come with the package, with --data package
    batch_size: int = 100  # number of tasks that are learned together, in one session
    drawn_for: Literal["each-seed", "all-seeds"] = "each-seed"  # whether every seed draws its own tasks

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in ("shots", "queries", "tasks", "batch_size")}
        check_drawing(self.ways, self.drawn_for, counts)
        if self.statistics not in ("batch", "support", None):
            raise InsituError(f"statistics is batch, support or none; got {self.statistics!r}")

    def inputs(self, data: str) -> Inputs:
        """See ``Scenario.inputs``: the package has features only."""
        return Inputs.FEATURES if data == "package" else Inputs.IMAGES

    def check(self, data: str) -> None:
        """See ``Scenario.check``."""
        super().check(data)
        if self.folder is None and self.data_set not in DATA_SETS:
            raise InsituError(f"tasks come from {' or '.join(DATA_SETS)}, or --scenario.folder; got {self.data_set!r}")
        if self.folder is not None and not self.folder.is_dir():
            raise InsituError(f"{self.folder} is not a folder; give one with a sub-folder of images per class")
        trained.check(self.backbone, "tasks")
        self._packed(data)

    def base(self, data: str) -> EpisodeBase:
        """Return the meta-trained weights, and tasks of the classes they were trained on for calibration."""
        network, head = self._trained()
        if self._packed(data):
            return EpisodeBase(network, head, task_features.load(trained.stem(self.backbone))[0])
        return EpisodeBase(
            network, head, calibration(_pools(self.data_set, None, network.record), self.ways, self.shots, self.queries)
        )

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield the tasks, ``batch_size`` in a session; those of the package are the same for every seed.

        So are drawn ones with ``drawn_for="all-seeds"``: then seeds differ in their devices alone.
        """
        shipped = self._features()[0] if self._packed(data) else None
        pool = None if shipped else self._pools().test
        count = min(self.tasks, len(shipped[0])) if shipped else self.tasks
        for number, start in enumerate(range(0, count, self.batch_size)):
            size = min(self.batch_size, count - start)
            if shipped:
                part = slice(start, start + size)
                support, queries = (Examples(whole.x[part], whole.labels[part]) for whole in shipped)
            else:
                assert pool is not None
                drawn = task_generator(seed, self.drawn_for, number)
                support, queries = draw(pool, size, self.ways, self.shots, self.queries, drawn)
            yield Session(number, 0.0, support, queries)

    def drawn(self, data: str) -> str:
        """See ``Scenario.drawn``: tasks, unless all seeds share them."""
        return "" if self.drawn_for == "all-seeds" or self._packed(data) else "sets of tasks"

    def describe(self, data: str) -> str:
        """See ``Scenario.describe``."""
        shape = f"{self.ways} ways, {self.shots} shots, {self.queries} queries per class"
        if self._packed(data):
            shipped, note = self._features()
            return f"{note}; {min(self.tasks, len(shipped[0]))} tasks of {shape}"
        which = ", drawn for each seed" if self.drawn_for == "each-seed" else ""
        return f"{self._pools().note}; {self.tasks} tasks of {shape}{which}"

    # -- parts -------------------------------------------------------------------------------------------------------

    def _packed(self, data: str) -> bool:
        """Return whether tasks are those that come with the package; refuse what these cannot be."""
        check_data(data)
        if data == "package" and self.data_set != "omniglot":
            raise InsituError(
                f"features that come with the package are of omniglot; for {self.data_set} use --data images"
            )
        if data == "package" and (self.folder is not None or self.statistics is not None):
            raise InsituError(
                "features that come with the package are computed already; for a folder or statistics of "
                "your own use --data images"
            )
        return data == "package"

    def _trained(self) -> tuple[Conv4Module, Tensor]:
        network, _, head = weights_file.load(trained.stem(self.backbone))
        if head is None or head.shape[1:] != (network.record.features,):
            raise InsituError(
                f"{self.backbone} holds no head for {network.record.features} features; take weights of 'insitu train "
                "ortner2025-omniglot' or of another meta-training"
            )
        if self.statistics is not None:
            network.record = replace(network.record, statistics=self.statistics)
        return network, head

    def _features(self) -> tuple[task_features.Tasks, str]:
        _, tasks, note = task_features.load(trained.stem(self.backbone))
        task_features.check_shape(tasks, self.ways, self.shots, self.queries)
        return tasks, note

    def _pools(self) -> Pools:
        return _pools(self.data_set, self.folder, self._trained()[0].record)


def calibration(known: Pools, ways: int, shots: int, queries: int) -> Examples:
    """Return the support of tasks of training classes, the same for every seed."""
    assert known.training is not None
    return draw(known.training, CALIBRATION, ways, shots, queries, generator(0, "calibration tasks"))[0]


@lru_cache(maxsize=4)
def _pools(data_set: str | DataSet, folder: Path | None, record: Conv4) -> Pools:
    return pools(data_set, record.size, record.channels, folder)
