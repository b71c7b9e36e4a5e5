"""Tasks drawn from classes of images: classes without replacement, different images for support and queries.

Where ``rotations`` is set, a rotated image is of another class: a class is a name and one of four quarter turns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
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
    present, counts = np.unique(images.labels, return_counts=True)
    rows = np.full((len(present), counts.max()), -1)
    for place, label in enumerate(present):
        rows[place, : counts[place]] = np.flatnonzero(images.labels == label)
    return Pool(torch.cat(parts), rows, counts, tuple(images.names[label] for label in present), rotations)


def draw(
    pool: Pool, tasks: int, ways: int, shots: int, queries: int, rng: np.random.Generator
) -> tuple[Examples, Examples]:
    """Return the support and the queries of ``tasks`` tasks as ``protocols/episodes.py`` has them, images in 0..1.

    Within a task no class and no image comes twice. Support and queries are in the order of ways.
    """
    check_size(pool, ways, shots, queries)
    classes = _first_of_each(rng.random((tasks, pool.classes)), ways)  # (tasks, ways)
    names, rotations = classes % len(pool.counts), classes // len(pool.counts)
    places = rng.random((tasks, ways, pool.rows.shape[1]))
    places[np.arange(places.shape[2]) >= pool.counts[names][..., None]] = np.inf  # a class may have fewer images
    chosen = _first_of_each(places, shots + queries)
    rows = torch.from_numpy(pool.rows[names[..., None], chosen])  # (tasks, ways, shots + queries)
    images = pool.pixels[rows]
    for quarter in range(1, 4):
        rotated = torch.from_numpy(rotations == quarter)
        if rotated.any():
            images[rotated] = images[rotated].rot90(quarter, (-2, -1))
    x = images.float().div_(255)
    labels = torch.arange(ways)[None, :, None].expand(tasks, -1, shots + queries)

    def examples(part: slice) -> Examples:
        return Examples(x[:, :, part].flatten(1, 2), labels[:, :, part].flatten(1, 2))

    return examples(slice(0, shots)), examples(slice(shots, None))


def check_size(pool: Pool, ways: int, shots: int, queries: int) -> None:
    """Raise ``InsituError`` unless the pool has enough classes, and each class enough images."""
    if ways > pool.classes:
        raise InsituError(f"tasks of {ways} ways need as many classes; there are {pool.classes}: take fewer ways")
    fewest = int(pool.counts.argmin())
    if shots + queries > pool.counts[fewest]:
        raise InsituError(
            f"tasks of {shots} shots and {queries} queries need {shots + queries} different images of a class; "
            f"class {pool.names[fewest]} has {pool.counts[fewest]}: take fewer, or add images"
        )


def _first_of_each(numbers: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return the places (..., count) of the smallest numbers (..., n), smallest first."""
    if count == numbers.shape[-1]:
        return numbers.argsort(-1)
    places = np.argpartition(numbers, count, axis=-1)[..., :count]
    order = np.take_along_axis(numbers, places, -1).argsort(-1)
    return np.take_along_axis(places, order, -1)
