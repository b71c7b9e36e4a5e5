"""One file per published table: it names its parts and the claims it must meet; no loop and no arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from insitu.core import InsituError
from insitu.learners import Learner
from insitu.metrics import Row
from insitu.scenarios import Scenario


@dataclass(frozen=True)
class Claim:
    """A figure to be met: ``measure`` turns the rows of a run into one value per seed, whose median is judged."""

    name: str
    published: str  # what the paper reports, or "not published"
    measure: Callable[[list[Row]], list[float]]
    at_most: float | None = None
    at_least: float | None = None
    where: str = ""  # in the paper, or "own target"
    unit: str = "points"


@dataclass(frozen=True)
class Experiment:
    """A published table as a composition of parts: one scenario, the learner it is about, the baseline beside it."""

    paper: str
    scenario: Scenario
    learner: Learner
    baseline: Learner
    seeds: int = 10  # runs with seeds 0..seeds-1; each draws its own devices
    data: Literal["package", "images"] = "package"
    ages_s: tuple[float, ...] = (60.0,)  # when, after each session was written, its test is run
    verified: str = ""  # empty: run on the real data; else what was not verified
    claims: tuple[Claim, ...] = ()

    def __post_init__(self) -> None:
        if not self.ages_s or not all(0 <= age_s < float("inf") for age_s in self.ages_s):
            raise InsituError(f"ages_s is one or more times of 0 s or later; got {self.ages_s}")
