"""One file per published table: it names its parts and the claims it must meet; no loop and no arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, Literal

from insitu.core import InsituError
from insitu.learners import Learner
from insitu.metrics import Row
from insitu.scenarios import Scenario

LONGEST_NAME = 24  # characters, which fit next to a figure


@dataclass(frozen=True)
class Claim:
    """A figure to be met."""

    name: str
    published: str  # what the paper reports, or "not published"
    measure: Callable[[list[Row]], list[float]]  # from the rows of a run to one value per seed, which are judged
    at_most: float | None = None
    at_least: float | None = None
    where: str = ""  # place in the paper, or "own target"
    unit: str = "points"


@dataclass(frozen=True)
class Variant:
    """A further learner, on the experiment's scenario with some fields changed."""

    name: str  # in rows and reports
    learner: Learner
    changes: tuple[tuple[str, Any], ...] = ()  # fields of the scenario and their values, such as ("shots", 1)
    query_delay_s: float = 0.0  # of short tasks: time from learning a task to its queries, in seconds

    def scenario(self, given: Scenario) -> Scenario:
        """Return the scenario of this variant; raise ``InsituError`` where ``given`` has no such fields."""
        known = [field.name for field in fields(given) if field.init]
        for name, _ in self.changes:
            if name not in known:
                raise InsituError(
                    f"{self.name!r} changes {name}, which is no field of {type(given).__name__}; keep the scenario of "
                    "the experiment, or write an experiment without this variant"
                )
        return replace(given, **dict(self.changes)) if self.changes else given


@dataclass(frozen=True)
class Experiment:
    """A published table as a composition of parts: a scenario, the learner that it is about, and the baseline."""

    paper: str
    scenario: Scenario
    learner: Learner
    baseline: Learner
    seeds: int = 10  # number of seeds, from 0; each draws its own devices, and 95 % intervals take at least 5
    data: Literal["package", "images"] = "package"  # vectors that come with the package, or your images, encoded here
    ages_s: tuple[float, ...] = (60.0,)  # ages of what was written when it is tested, in seconds
    verified: str = ""  # what was not verified; empty where the experiment was run on the real data
    claims: tuple[Claim, ...] = ()
    names: tuple[str, str] = ("float", "device")  # names of the baseline and the learner in reports
    sweep: tuple[tuple[str, tuple[int, ...]], ...] = ()  # fields of the learner, and the values that each takes
    variants: tuple[Variant, ...] = ()  # further learners, tested at all ages, too
    combined: bool = False  # whether variants are all combinations of parts, which a report shows as one table

    def __post_init__(self) -> None:
        if not self.ages_s or not all(0 <= age_s < float("inf") for age_s in self.ages_s):
            raise InsituError(f"ages_s is one or more times of 0 s or later; got {self.ages_s}")
        if len(set(self.names)) != 2 or not all(1 <= len(name) <= LONGEST_NAME for name in self.names):
            raise InsituError(f"names are two different texts of 1 to {LONGEST_NAME} characters; got {self.names}")
        names = [*self.names, *(variant.name for variant in self.variants)]
        delays_s = [variant.query_delay_s for variant in self.variants]
        if any(delay_s < 0 or (delay_s and self.scenario.protocol.continues) for delay_s in delays_s):
            raise InsituError("query_delay_s is 0 or more seconds, of short tasks alone; streams are queried at ages_s")
        if len(set(names)) < len(names) or not all(1 <= len(name) <= LONGEST_NAME for name in names):
            raise InsituError(f"every variant has its own name, of 1 to {LONGEST_NAME} characters; got {names}")

    def sweep_points(self) -> Iterator[tuple[str, Learner]]:
        """Yield the learner with every combination of the swept values, the last field fastest.

        Each comes with a label such as ``forward_bits=2 update_bits=4``. Raises ``InsituError`` where a swept name is
        no field of the learner, or comes twice, or takes no value.
        """
        if not self.sweep:
            return
        known = [field.name for field in fields(self.learner) if field.init]
        swept = [name for name, _ in self.sweep]
        for name, values in self.sweep:
            if name not in known:
                raise InsituError(
                    f"the sweep is over {name}, which is no field of {type(self.learner).__name__}; its fields are "
                    f"{', '.join(known) or 'none'}: name one of them, or run with --no-sweep"
                )
            if not values or swept.count(name) > 1:
                raise InsituError(f"a swept field is given once, with at least one value; got {name} of {self.sweep}")
        for values in product(*(values for _, values in self.sweep)):
            given = dict(zip(swept, values, strict=True))
            yield " ".join(f"{name}={value}" for name, value in given.items()), replace(self.learner, **given)
