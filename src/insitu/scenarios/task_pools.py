"""Classes that short tasks are drawn from; those of meta-training are never tested."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insitu.core import InsituError
from insitu.data import DataSet, Images
from insitu.data.folder import Folder
from insitu.data.miniimagenet import MiniImageNet
from insitu.data.omniglot import Omniglot
from insitu.scenarios.tasks import Pool, pool_of

DATA_SETS: dict[str, DataSet] = {"omniglot": Omniglot(), "miniimagenet": MiniImageNet()}


@dataclass(frozen=True, eq=False)
class Pools:
    """Classes to meta-train on (None where there are none) and to test, and one line on which they are."""

    training: Pool | None
    test: Pool
    note: str


def pools(data_set: str | DataSet, size: int, channels: int, folder: Path | None = None) -> Pools:
    """Return the classes of ``omniglot``, ``miniimagenet``, a record of either, or of a ``folder``."""
    record = DATA_SETS.get(data_set) if isinstance(data_set, str) else data_set
    if folder is not None:
        return _folder(folder, size, channels)
    if isinstance(record, Omniglot):
        return _omniglot(record, size, channels)
    if isinstance(record, MiniImageNet):
        return _miniimagenet(record, size, channels)
    raise InsituError(f"tasks come from {' or '.join(DATA_SETS)}, or from a folder of your own; got {data_set!r}")


def _omniglot(record: Omniglot, size: int, channels: int) -> Pools:
    drawings = record.drawings()
    background = drawings.background[drawings.images.labels]
    training, test = (drawings.images.take(np.flatnonzero(rows)) for rows in (background, ~background))
    count = int(drawings.background.sum())
    return Pools(
        pool_of(training, size, channels, rotations=True),
        pool_of(test, size, channels),
        f"Omniglot: {count} background characters in four rotations to train, "
        f"{len(drawings.background) - count} evaluation characters to test",
    )


def _miniimagenet(record: MiniImageNet, size: int, channels: int) -> Pools:
    data = record.read()
    base = data.train.take(np.flatnonzero(data.session == 0))
    old = np.unique(base.labels)
    novel = _joined(data.train.take(np.flatnonzero(data.session > 0)), data.test)
    novel = novel.take(np.flatnonzero(~np.isin(novel.labels, old)))
    return Pools(
        pool_of(base, size, channels),
        pool_of(novel, size, channels),
        f"miniImageNet: {len(old)} base classes to train, {len(np.unique(novel.labels))} novel classes to test "
        "(not the usual 64/16/20 classes, which these lists do not hold)",
    )


def _folder(folder: Path, size: int, channels: int) -> Pools:
    data = Folder(folder, shots=1, size=size).read()
    test = pool_of(_joined(data.train, data.test), size, channels)
    return Pools(None, test, f"{folder.name}: {len(test.counts)} classes of a folder, all to test")


def _joined(first: Images, second: Images) -> Images:
    pixels = np.concatenate([first.pixels, second.pixels])
    return Images(pixels, np.concatenate([first.labels, second.labels]), first.names)
