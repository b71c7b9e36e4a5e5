"""Evaluation protocols: what a learner is prepared with and given, how it is scored, and what a report shows of it.

A protocol is one file: the type of its base, the shapes of its examples, what is refused of them, the verbs that a
learner needs beyond ``Learner``, the score, and the record ``PROTOCOL``. A scenario names the one it follows, and a
learner those that it can learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor

from insitu.metrics import Row


class Inputs(StrEnum):
    """What the inputs ``x`` of examples are."""

    FEATURES = "features"  # vectors of a frozen backbone
    LATENTS = "latents"  # packed 1-bit activations inside a frozen backbone
    IMAGES = "images"
    POSITIONS = "positions"  # of a hand, step by step


@dataclass(frozen=True)
class Examples:
    """Inputs and what belongs to them, such as class numbers; each protocol says which shapes they have."""

    x: Tensor  # (n, ...)
    labels: Tensor  # (n, ...)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Session:
    """What is learned at ``time_s`` and tested after it; ``train`` is None where nothing is learned."""

    number: int
    time_s: float
    train: Examples | None
    test: Examples
    base_classes: int = 0  # of few-shot sessions: classes below are old
    groups: Tensor | None = None  # of a class stream: (n,) int64, the experience in which a test's class came first


@dataclass(frozen=True)
class Column:
    """A measure of rows as reports show it."""

    name: str  # key in rows
    heading: str  # of its column
    unit: str = "%"
    digits: int = 1
    gap: bool = False  # also shown as baseline minus learner, seed by seed
    meaning: str = ""  # what the heading does not say, as a note below the table

    @property
    def short(self) -> str:
        """The first word of the heading: the label of a line."""
        return self.heading.partition(" ")[0]


@dataclass(frozen=True)
class Protocol:
    """An evaluation protocol."""

    name: str  # "few_shot_sessions"
    title: str  # in words, in the plural
    step: str  # what one value of ``session`` of a row is called
    base: type  # what a scenario gives to prepare a learner with
    inputs: tuple[Inputs, ...]  # what its examples may hold
    columns: tuple[Column, ...]  # the first is the headline, which progress shows
    headline: str  # the first column in words
    continues: bool  # a session adds to those before it; else it holds tasks that each start from the prepared state
    score: Callable[[Sequence[Session], Sequence[Tensor]], Row]  # of answers to tests: one session's if it continues
    score_similarities: Callable[[Session, Tensor, Tensor], Row] | None = (
        None  # of tests to classes, if a learner has any
    )
    verbs: tuple[Callable[[object], object], ...] = ()  # each refuses a learner that lacks verbs which it needs

    def of(self, inputs: Iterable[Inputs]) -> str:
        """Return the protocol with those of ``inputs`` that it knows, such as "class streams of latents"."""
        return f"{self.title} of {' or '.join(each for each in self.inputs if each in inputs)}"
