"""Tasks drawn from classes of images: classes without replacement, different images for support and queries.

Where ``rotations`` is set, a rotated image is of another class: a class is a name and one of four quarter turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.data import Images
from insitu.protocols import Examples

RESIZED_TOGETHER = 2000  # images, which bounds memory
# weights of red, green and blue in grey (ITU-R BT.601)
LUMA = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]


@dataclass(frozen=True, eq=False)
class Pool:
    """Images of one size, by classes: ``rows[c, :counts[c]]`` are those of class c."""

    pixels: Tensor  # (n, channels, size, size) uint8
    rows: NDArray[np.int64]  # (classes, most of a class)
    counts: NDArray[np.int64]  # (classes,)
    names: tuple[str, ...]
    rotations: bool = False  # whether quarter turns of a class are classes of their own

    @property
    def classes(self) -> int:
        """Number of classes, with their rotations."""
        return len(self.counts) * (4 if self.rotations else 1)

    def part(self, classes: NDArray[np.int64]) -> Pool:
        """Return the pool of some of the classes."""
        names = tuple(self.names[c] for c in classes)
        return replace(self, rows=self.rows[classes], counts=self.counts[classes], names=names)

    def upright(self) -> Pool:
        """Return the pool without rotated images."""
        return replace(self, rotations=False)


def pool_of(images: Images, size: int, channels: int, rotations: bool = False) -> Pool:
    """Return the classes of ``images`` that have any, in the order of their numbers.

    Images are resized to ``size`` (bilinear) and converted to ``channels``: colours to grey, or grey to three colours.
    """
    if images.pixels.shape[3] not in (1, 3) or channels not in (1, 3):
        raise InsituError(f"images have 1 or 3 channels, given and wanted; got {images.pixels.shape[3]} and {channels}")
    parts = []
    for start in range(0, len(images), RESIZED_TOGETHER):
        # a copy, because decoded pixels are mapped read-only, which torch warns of
        batch = torch.from_numpy(np.array(images.pixels[start : start + RESIZED_TOGETHER])).permute(0, 3, 1, 2)
        if batch.shape[2:] != (size, size):
            batch = F.interpolate(batch, size=(size, size), mode="bilinear", antialias=True)
        if channels < batch.shape[1]:
            batch = (batch.double() * LUMA).sum(1, keepdim=True).round().to(torch.uint8)
        elif channels > batch.shape[1]:
            batch = batch.expand(-1, channels, -1, -1)
        parts.append(batch)
    if not parts:
        raise InsituError("tasks need images; there are none")
    present, rows, counts = rows_of_classes(images.labels)
    return Pool(torch.cat(parts), rows, counts, tuple(images.names[label] for label in present), rotations)


def rows_of_classes(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the classes in ``labels``, the rows of each (classes, most of a class) and how many it has."""
    present, counts = np.unique(labels, return_counts=True)
    rows = np.full((len(present), counts.max()), -1)
    for place, label in enumerate(present):
        rows[place, : counts[place]] = np.flatnonzero(labels == label)
    return present, rows, counts


def draw(
    pool: Pool, tasks: int, ways: int, shots: int, queries: int, rng: np.random.Generator
) -> tuple[Examples, Examples]:
    """Return the support and the queries of ``tasks`` tasks as ``protocols/episodes.py`` has them, images in 0..1.

    Within a task no class and no image comes twice. Support and queries are in the order of ways.
    """
    check_size(pool, ways, shots, queries)
    rows, rotations = draw_rows(pool.rows, pool.counts, pool.classes, (tasks, ways, shots + queries), rng)
    images = pool.pixels[rows]
    for quarter in range(1, 4):
        rotated = torch.from_numpy(rotations == quarter)
        if rotated.any():
            images[rotated] = images[rotated].rot90(quarter, (-2, -1))
    return divided(images.float().div_(255), shots)


def draw_rows(
    rows: NDArray[np.int64],
    counts: NDArray[np.int64],
    classes: int,
    shape: tuple[int, int, int],
    rng: np.random.Generator,
) -> tuple[Tensor, NDArray[np.int64]]:
    """Return rows (tasks, ways, examples) of tasks of this ``shape``, and the quarter turns (tasks, ways).

    ``classes`` is the number of classes, with their rotations.
    """
    tasks, ways, count = shape
    drawn = _first_of_each(rng.random((tasks, classes)), ways)  # (tasks, ways)
    names, rotations = drawn % len(counts), drawn // len(counts)
    places = rng.random((tasks, ways, rows.shape[1]))
    places[np.arange(places.shape[2]) >= counts[names][..., None]] = np.inf  # a class may have fewer images
    return torch.from_numpy(rows[names[..., None], _first_of_each(places, count)]), rotations


def divided(x: Tensor, shots: int) -> tuple[Examples, Examples]:
    """Return the support and the queries of inputs x (tasks, ways, examples, ...), of which the first are shots."""
    labels = torch.arange(x.shape[1])[None, :, None].expand(x.shape[:3])
    support, queries = (
        Examples(x[:, :, part].flatten(1, 2), labels[:, :, part].flatten(1, 2))
        for part in (slice(0, shots), slice(shots, None))
    )
    return support, queries


def check_drawing(ways: int, drawn_for: str, counts: Mapping[str, int]) -> None:
    """Raise ``InsituError`` unless there are 2 ways or more, 1 or more of all ``counts``, and a known ``drawn_for``."""
    if ways < 2:
        raise InsituError(f"ways are at least 2; got {ways}")
    for name, count in counts.items():
        if count < 1:
            raise InsituError(f"{name} is at least 1; got {count}")
    if drawn_for not in ("each-seed", "all-seeds"):
        raise InsituError(f"drawn_for is each-seed or all-seeds; got {drawn_for!r}")


def task_generator(seed: int, drawn_for: str, session: int) -> np.random.Generator:
    """Return the generator that the tasks of a session are drawn from: a seed's own, or the same for all seeds."""
    return generator(seed if drawn_for == "each-seed" else 0, "tasks", session)


def check_size(pool: Pool, ways: int, shots: int, queries: int) -> None:
    """Raise ``InsituError`` unless the pool has enough classes, and each class enough images."""
    check_ways(ways, pool.classes)
    fewest = int(pool.counts.argmin())
    if shots + queries > pool.counts[fewest]:
        raise InsituError(
            f"tasks of {shots} shots and {queries} queries need {shots + queries} different images of a class; "
            f"class {pool.names[fewest]} has {pool.counts[fewest]}: take fewer, or add images"
        )


def check_ways(ways: int, classes: int) -> None:
    """Raise ``InsituError`` unless there are as many classes as tasks have ways."""
    if ways > classes:
        raise InsituError(f"tasks of {ways} ways need as many classes; there are {classes}: take fewer ways")


def _first_of_each(numbers: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return the places (..., count) of the smallest numbers (..., n), smallest first."""
    if count == numbers.shape[-1]:
        return numbers.argsort(-1)
    places = np.argpartition(numbers, count, axis=-1)[..., :count]
    order = np.take_along_axis(numbers, places, -1).argsort(-1)
    return np.take_along_axis(places, order, -1)
