"""The rows of a run as a sample: figures with their intervals, and words for what the intervals are taken over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from insitu.experiments import Experiment, draws
from insitu.metrics import REDRAWN, Row, redrawn
from insitu.protocols import Protocol
from insitu.report.intervals import FEWEST, KIND, Interval, Stat, interval, stat

Values = Callable[[list[Row]], list[float]]  # one per seed


@dataclass(frozen=True)
class Sample:
    """Rows, the protocol they follow, and what differs between seeds for every arm (``experiments.draws.over``)."""

    rows: list[Row]
    protocol: Protocol
    over: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(rows: list[Row], experiment: Experiment) -> Sample:
        """Return the rows of ``experiment`` as a sample."""
        return Sample(rows, experiment.scenario.protocol, draws.over(experiment))

    @property
    def measured(self) -> Sample:
        """The rows that hold the headline of the protocol."""
        return replace(self, rows=[row for row in self.rows if self.protocol.columns[0].name in row])

    def where(self, **values: Any) -> Sample:
        """Return the sample of the rows that have these ``values``."""
        return replace(self, rows=[row for row in self.rows if all(row[name] == v for name, v in values.items())])

    def known(self, name: str) -> list[Any]:
        """Return the values of a column of numbers, ascending."""
        return sorted({row[name] for row in self.rows}, key=float)

    def column(self, arm: str, name: str) -> Stat | None:
        """Return median and interval of column ``name`` over the rows of ``arm``, one per seed."""
        return self.stat(lambda rows: [float(r[name]) for r in rows if r["arm"] == arm and name in r], (arm,))

    def stat(self, values: Values, arms: tuple[str, ...]) -> Stat | None:
        """Return median and interval of a figure that is made of ``arms``.

        The baseline alone on listed support sets has the median of the list and the ends of the redrawn sets, and an
        arm that shares its tasks with all seeds the ends of the interval over tasks that its rows hold.
        """
        own = values(self.rows)
        if own and 0 < self._tasks(arms) < FEWEST:
            return stat([median(own)])
        return stat(own, self._ends(values, arms)) if own else None

    def words(self, values: Values, arms: tuple[str, ...]) -> str:
        """Write what the interval of a figure is taken over: '10 chips', '1000 tasks'; '' where nothing differs.

        Of redrawn support sets it holds the median too: the figure of a lucky list lies outside of their interval.
        """
        if again := self._again(arms):
            drawn = values(again)
            return f"{self._draws(len(drawn))}, median {median(drawn):.2f}"
        if count := self._tasks(arms):
            return f"{count} {draws.TASKS}"
        return self._counted(len(values(self.rows)), arms)

    def seeds(self, *arms: str) -> str:
        """Write what the intervals of most figures of ``arms`` are taken over."""
        if again := self._again(arms):
            return self._draws(len({row["seed"] for row in again}))
        return self.words(lambda rows: [float(seed) for seed in sorted({row["seed"] for row in rows}, key=int)], arms)

    def intervals(self) -> dict[str, str]:
        """Return the kind of the intervals, and what those of baseline, learner and gap are taken over."""
        pair = ("baseline", "learner")
        return {"kind": KIND, **{arm: self.seeds(arm) for arm in pair}, "gap": self.seeds(*pair)}

    def _ends(self, values: Values, arms: tuple[str, ...]) -> Interval | None:
        if again := self._again(arms):
            return interval(values(again))
        if self._tasks(arms):
            return Interval(*sorted(median(values(_moved(self.rows, sign))) for sign in (-1, 1)))
        return None

    def _draws(self, count: int) -> str:
        return f"{count} {self.over.get(REDRAWN, 'draws')}"

    def _again(self, arms: tuple[str, ...]) -> list[Row]:
        return redrawn(self.rows) if arms == ("baseline",) else []

    def _tasks(self, arms: tuple[str, ...]) -> int:
        """Return how many tasks the interval is over: of one arm on tasks that are those of all seeds; else 0."""
        if len(arms) != 1 or self.over.get(arms[0]) != draws.TASKS:
            return 0
        return max((int(row["tasks"]) for row in self.rows if row["arm"] in arms and "interval" in row), default=0)

    def _counted(self, count: int, arms: tuple[str, ...]) -> str:
        kinds = {self.over.get(arm, "seeds") for arm in arms}
        differing = kinds - {"", draws.TASKS}
        chips = [kind for kind in differing if kind.startswith(draws.CHIPS)]
        if not differing and kinds == {""}:
            return ""
        [kind] = (chips or sorted(differing) or ["seeds"])[:1]
        return f"{count} {_one(kind) if count == 1 else kind}"


def _one(kind: str) -> str:
    """Return the singular: 'chip with their own streams', 'set of tasks', 'stream order'."""
    head, _, rest = kind.partition(" ")
    return f"{head.removesuffix('s')} {rest}" if rest.startswith(("with ", "of ")) else kind.removesuffix("s")


def _moved(rows: Iterable[Row], sign: int) -> list[Row]:
    """Return the rows with their overall accuracy, in percent, at one end of the interval over tasks."""
    return [
        row | {"overall": min(max(float(row["overall"]) + sign * float(row["interval"]), 0.0), 100.0)}
        if "interval" in row
        else row
        for row in rows
    ]
