"""Words added on the device to those that a frozen binary backbone was trained on, as in keyword spotting.

Vu et al. (arXiv 2505.02469): a binary network is trained on some words off the device; on the device, the last layer
learns one to four more. Here the base words are the first experience, from which the head is trained; the added ones
come in the experiences after it. All are tested on speakers whom neither the backbone nor the head has heard.

Own choice: ``SPLITS`` divisions into base words and added words, each with a backbone of its own that never heard the
added ones. A seed takes one of them, and draws the order in which the words come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from insitu.backbones import trained
from insitu.core import InsituError, generator
from insitu.protocols import Inputs, Protocol, Session, class_stream
from insitu.protocols.class_stream import StreamBase
from insitu.scenarios import Scenario, latents
from insitu.scenarios.checks import check_data_set
from insitu.scenarios.class_stream import sessions
from insitu.scenarios.latents import Encoded

SPLITS = 5


@dataclass(frozen=True)
class AddedWords(Scenario[StreamBase]):
    """Base words in one experience, then added words in others, each tested on all words learned so far."""

    protocol: ClassVar[Protocol] = class_stream.PROTOCOL

    added: Literal[0, 1, 4] = 1  # number of words added to those of the backbone; 0: a backbone trained on all words
    experiences: int = 1  # number of experiences that the added words are divided into
    split: int = 0  # which of the divisions into base words and added words, from 0; runs take one for each seed
    give: Literal["features", "latents"] = "features"  # what a learner gets: the backbone's features, or packed latents
    data_set: str = "spoken-digits"  # name of the data set with the words
    backbone: str = "vu2025_keywords"  # first part of the names of the frozen binary backbones
    spacing_s: float = 3600.0  # time from one experience to the next, in seconds

    def __post_init__(self) -> None:
        if self.added not in (0, 1, 4) or self.give not in ("features", "latents"):
            raise InsituError(f"added is 0, 1 or 4, give is features or latents; got {self.added!r} and {self.give!r}")
        if not 1 <= self.experiences <= max(self.added, 1):
            raise InsituError(
                f"experiences is from 1 to the number of added words, {self.added}; got {self.experiences}"
            )
        if not 0 <= self.split < SPLITS or not 0 <= self.spacing_s < float("inf"):
            raise InsituError(
                f"split is from 0 to {SPLITS - 1}, spacing_s 0 or more seconds; got {self.split} and {self.spacing_s}"
            )

    def of_seed(self, seed: int) -> Self:
        """See ``Scenario.of_seed``: the divisions in turn."""
        return replace(self, split=seed % SPLITS if self.added else 0)

    def inputs(self, data: str) -> Inputs:
        """See ``Scenario.inputs``: as ``give`` says."""
        return Inputs(self.give)

    def check(self, data: str) -> None:
        """See ``Scenario.check``."""
        super().check(data)
        check_data_set(self.data_set)
        trained.check(self._backbone, "latents")

    def base(self, data: str) -> StreamBase:
        """Return the backbone's tail and features of its pretraining; no word is known."""
        return latents.base(trained.stem(self._backbone))

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield the base words, then the added ones, of the division of ``seed``."""
        own = self.of_seed(seed)
        held = own._held(data)
        added = added_words(held.classes, own.added, own.split)
        order = generator(seed, "words").permutation(added)
        parts = [np.setdiff1d(np.arange(held.classes), added), *np.array_split(order, own.experiences)]
        rows = [np.flatnonzero(np.isin(held.train_labels, part)) for part in parts if len(part)]
        yield from sessions(held, rows, np.arange(len(held.test_labels)), own.spacing_s)

    def describe(self, data: str) -> str:
        """See ``Scenario.describe``."""
        held = self._held(data)
        how = f"{self.added} words added in {self.experiences} experiences, those of {SPLITS} divisions in turn"
        return "; ".join(filter(None, (held.note, held.verified, how if self.added else "all words from the start")))

    def drawn(self, data: str) -> str:
        """See ``Scenario.drawn``: which words are added."""
        return "choices of words" if self.added else ""

    @property
    def _backbone(self) -> str:
        return backbone_name(self.backbone, self.added, self.split)

    def _held(self, data: str) -> Encoded:
        load = latents.features if self.give == "features" else latents.latents
        return load(self.data_set, trained.stem(self._backbone), data)


def backbone_name(name: str, added: int, split: int) -> str:
    """Return the name of the backbone that never heard the words that ``added_words`` returns."""
    return f"{name}_{added}_{split}"


def added_words(words: int, added: int, split: int) -> NDArray[np.int64]:
    """Return the numbers of the words added in a division.

    A drawn order of all words is a circle, on which a division starts two words after the one before it. So of ten
    words none is the only one added twice, and each is in two of the five divisions with four added.
    """
    order = generator(0, "added words").permutation(words)
    return np.sort(order[(2 * split + np.arange(added)) % words])
