"""The points of a sweep: an experiment's flags with every combination of the values that ``--grid`` names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from insitu import catalog
from insitu.cli import flags
from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.experiments import Experiment

COMMAND = "sweep"
OWN = ("grid", "engine", "workers", "address", "slurm", "out", "quick", "seeds", "help", "h")  # flags, not swept


@dataclass(frozen=True)
class Point:
    """One combination of values, by field, with the flags that make its experiment."""

    values: dict[str, Any]
    args: tuple[str, ...]

    @property
    def label(self) -> str:
        """The fields with their values, as ``--grid`` has them."""
        return " ".join(f"{field}={value}" for field, value in self.values.items())


@dataclass(frozen=True)
class Composed:
    """The experiment of a point: baseline and learner alone, since a sweep varies those."""

    experiment: Experiment
    data: str
    changes: list[dict[str, Any]]

    @property
    def key(self) -> str:
        """The key of its results; other code, data or weights give another one."""
        from insitu.report import composition

        return composition.key(self.experiment, self.data)


def split(args: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the values that ``--grid`` gives to fields, and the other arguments."""
    grid: dict[str, list[str]] = {}
    rest: list[str] = []
    for group in flags.groups(args, f"insitu {COMMAND}"):
        if group.name != "grid":
            rest += group.tokens
            continue
        for given in group.values or [""]:
            name, _, values = given.partition("=")
            field, texts = name.lstrip("-").replace("_", "-"), values.split(",")
            if not field or not all(text.strip() for text in texts):
                raise InsituError(f"--grid takes FIELD=VALUE,VALUE,...; got {given!r}")
            if field in OWN:
                raise InsituError(f"--grid {given}: {field} is a flag of the command and not swept; give --{field}")
            if field in grid or len(set(texts)) < len(texts):
                raise InsituError(f"--grid {given}: every field is given once, and every value of it")
            grid[field] = texts
    given_twice = [group.name for group in flags.groups(rest, "") if group.name in grid]
    if given_twice:
        raise InsituError(f"{given_twice[0]} is given by --grid and by --{given_twice[0]}; leave one of them away")
    return grid, rest


def points(part: catalog.Part, grid: dict[str, list[str]], rest: list[str]) -> list[Point]:
    """Return every combination of values, the last field fastest; ``rest`` are the experiment's other flags."""
    return [
        Point(dict(zip(grid, values, strict=True)), (*rest, *_tokens(part, dict(zip(grid, values, strict=True)), rest)))
        for values in product(*grid.values())
    ]


def compose(part: catalog.Part, point: Point, check: Callable[[Experiment], None] = lambda _: None) -> Composed:
    """Return the experiment of a point; raise ``InsituError`` that names the point where its values do not fit."""
    from insitu.cli import experiment_flags

    try:
        parsed = experiment_flags.parse(part, list(point.args), COMMAND)
        experiment = replace(parsed.experiment, sweep=(), variants=())
        check(experiment)
    except InsituError as error:
        raise InsituError(f"--grid {point.label}: {error}" if point.values else str(error)) from error
    return Composed(experiment, experiment.scenario.describe(experiment.data), parsed.changes)


def typed(experiment: Experiment, field: str, text: str) -> Any:
    """Return the value that a field has got: a number or truth as such, a part or several values as they were given."""
    value: Any = experiment
    for name in field.replace("-", "_").split("."):
        value = getattr(value, name, None)
    return value if isinstance(value, bool | int | float) else text


def _tokens(part: catalog.Part, values: dict[str, str], rest: list[str]) -> list[str]:
    """Return the flags that give ``values``; several items of one value are separated by spaces."""
    kinds = {flag.name: flag.kind for flag in flags.flags(catalog.load(part))}
    out = []
    for field, text in values.items():
        if kinds.get(field) is bool and text.lower() in ("true", "false"):
            head, dot, last = field.rpartition(".")
            out.append(f"--{field}" if text.lower() == "true" else f"--{head}{dot}no-{last}")
        else:
            out += [f"--{field}", *text.split()]
    return out
