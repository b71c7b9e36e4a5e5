"""A stream of experiences, each of many images, over a frozen binary backbone: new classes, new instances, or both.

Kinds of Lomonaco and Maltoni (CoRL 2017): NC, each experience has new classes; NI, each has new images of all classes;
NICv2 (Lomonaco et al., 2020), both, as listed with CORe50. Vorabbi et al. (arXiv 2308.15308) take CIFAR-10 as NC with 5
experiences of 2 classes and as NI with 10 experiences of 500 images per class. The stream starts without classes; after
each experience, all test images of the classes seen so far are tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from insitu.backbones import trained
from insitu.core import InsituError, generator
from insitu.data.core50 import Core50
from insitu.protocols import Examples, Inputs, Protocol, Session, class_stream
from insitu.protocols.class_stream import StreamBase
from insitu.scenarios import Scenario, latents
from insitu.scenarios.checks import check_data_set
from insitu.scenarios.latents import Encoded

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class ClassStream(Scenario[StreamBase]):
    """Experiences in sequence, starting without classes, each tested on all classes seen so far."""

    protocol: ClassVar[Protocol] = class_stream.PROTOCOL

    data_set: str = "cifar10"  # name of the data set that the stream is cut from
    kind: Literal["nc", "ni", "nicv2"] = "nc"  # what is new in an experience: classes, images of all classes, or both
    experiences: int = 5  # number of experiences that classes (nc) or images (ni) are divided into; nicv2 lists its own
    order: Literal["drawn", "listed"] = "drawn"  # order of the classes in nc: drawn for each seed, or by their numbers
    give: Literal["features", "latents"] = "features"  # what a learner gets: the backbone's features, or packed latents
    backbone: str = "binary"  # name of the frozen binary backbone
    spacing_s: float = 3600.0  # time from one experience to the next, in seconds

    def __post_init__(self) -> None:
        for name, allowed in (
            ("kind", ("nc", "ni", "nicv2")),
            ("order", ("drawn", "listed")),
            ("give", ("features", "latents")),
        ):
            if getattr(self, name) not in allowed:
                raise InsituError(f"{name} is one of {', '.join(allowed)}; got {getattr(self, name)!r}")
        if self.kind == "nicv2" and self.data_set != "core50":
            raise InsituError(f"nicv2 has the lists of core50 only; got data_set {self.data_set!r}: take nc or ni")
        if self.experiences < 1:
            raise InsituError(f"experiences is at least 1; got {self.experiences}")
        if not 0 <= self.spacing_s < float("inf"):
            raise InsituError(f"spacing_s is 0 or more seconds, since time runs forward; got {self.spacing_s}")

    def inputs(self, data: str) -> Inputs:
        """See ``Scenario.inputs``: as ``give`` says."""
        return Inputs(self.give)

    def check(self, data: str) -> None:
        """See ``Scenario.check``."""
        super().check(data)
        check_data_set(self.data_set)
        trained.check(self.backbone, "latents")

    def base(self, data: str) -> StreamBase:
        """Return the backbone's tail and features of its pretraining; no class is known."""
        return latents.base(trained.stem(self.backbone))

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield the experiences; ``groups`` says of each test image in which experience its class came first."""
        held = self._held(data)
        yield from sessions(held, *self._cut(held, seed), self.spacing_s)

    def describe(self, data: str) -> str:
        """See ``Scenario.describe``."""
        how = {
            "nc": f"new classes in {self.experiences} experiences, their order {self.order}",
            "ni": f"new images of all classes in {self.experiences} experiences, drawn by the seed",
            "nicv2": "new classes and images as CORe50 lists them",
        }
        held = self._held(data)
        return "; ".join(filter(None, (held.note, held.verified, how[self.kind])))

    def drawn(self, data: str) -> str:
        """See ``Scenario.drawn``: the order of classes or images, unless it is listed."""
        return "" if self.kind == "nc" and self.order == "listed" else "stream orders"

    def _held(self, data: str) -> Encoded:
        load = latents.features if self.give == "features" else latents.latents
        held = load(self.data_set, trained.stem(self.backbone), data)
        if (top := int(held.test_labels.max())) >= held.classes:
            raise InsituError(
                f"tests of {self.data_set} hold class {top}, training only 0 to {held.classes - 1}; correct its labels"
            )
        return held

    def _cut(self, held: Encoded, seed: int) -> tuple[list[Rows], Rows]:
        """Return the training rows of each experience, none of them in two, and the test rows of the stream."""
        if self.kind == "nicv2":
            return Core50().batches(seed % Core50.runs)
        cut = self._new_classes if self.kind == "nc" else self._new_instances
        return cut(held, seed), np.arange(len(held.test_labels))

    def _new_classes(self, held: Encoded, seed: int) -> list[Rows]:
        classes = held.classes
        if classes % self.experiences:
            fits = ", ".join(str(n) for n in range(1, classes + 1) if classes % n == 0)
            raise InsituError(
                f"{classes} classes of {self.data_set} make {fits} experiences of equal size; got {self.experiences}"
            )
        drawn = generator(seed, "classes").permutation(classes) if self.order == "drawn" else np.arange(classes)
        return [np.flatnonzero(np.isin(held.train_labels, part)) for part in np.split(drawn, self.experiences)]

    def _new_instances(self, held: Encoded, seed: int) -> list[Rows]:
        fewest = int(np.bincount(held.train_labels).min())
        if self.experiences > fewest:
            raise InsituError(f"experiences is at most {fewest}, the images of a class; got {self.experiences}")
        draw = generator(seed, "instances")
        rows = [draw.permutation(np.flatnonzero(held.train_labels == c)) for c in range(held.classes)]
        shares = zip(*(np.array_split(each, self.experiences) for each in rows), strict=True)
        return [np.sort(np.concatenate(share)) for share in shares]


def sessions(held: Encoded, experiences: list[Rows], tests: Rows, spacing_s: float) -> Iterator[Session]:
    """Yield one session per experience, given as training rows, each tested on the ``tests`` of the classes so far."""
    first = np.full(held.classes, -1)  # the experience in which each class came first
    for number, rows in enumerate(experiences):
        labels = held.train_labels[rows]
        came = np.unique(labels)
        first[came[first[came] < 0]] = number
        known = tests[first[held.test_labels[tests]] >= 0]
        yield Session(
            number,
            number * spacing_s,
            _examples(held.train, held.train_labels, rows),
            _examples(held.test, held.test_labels, known),
            groups=torch.from_numpy(first[held.test_labels[known]]),
        )


def _examples(x: NDArray[np.generic], labels: NDArray[np.int64], rows: Rows) -> Examples:
    taken = torch.from_numpy(x[rows])
    return Examples(taken if taken.dtype == torch.uint8 else taken.float(), torch.from_numpy(labels[rows]))
