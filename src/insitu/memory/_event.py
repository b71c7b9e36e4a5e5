"""What happens to a memory, as a value: the same event on an equal memory leads to an equal memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, generator
from insitu.memory._nouns import Experience, Label, Model
from insitu.memory._settings import Settings

Kind = Literal["fit", "learn", "forget", "merge", "age"]
MERGED = ("counts", "means", "kept", "kept_numbers")  # arrays of an ``Experience``


@dataclass(frozen=True, eq=False)
class Event:
    """One event: ``labels`` has one label per example, or those of the classes that come or go."""

    kind: Kind
    labels: list[Label]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)  # x as it was given, or what was merged
    seconds: float = 0.0  # by which the memory ages
    at: str = ""  # when, as UTC in ISO 8601
    who: str = ""


def merging(taken: Experience) -> Event:
    return Event("merge", taken.labels, {name: getattr(taken, name) for name in MERGED})


def apply(settings: Settings, model: Model | None, event: Event, seed: int) -> Model:
    """Return the memory after ``event``; ``model`` is None before the first; a new one draws by ``seed``."""
    verbs = settings.verbs()
    if event.kind in ("fit", "learn"):
        x = settings.vectors(event.arrays["x"])
        if model is None or event.kind == "fit":
            model = Model(x.shape[1], seed)
        model, rng = _next(model)
        return verbs.taught(model, x, event.labels, rng)
    if event.kind == "merge":
        model, rng = _next(Model(event.arrays["means"].shape[1], seed) if model is None else model)
        return verbs.merged(model, Experience(event.labels, **event.arrays), rng)
    if model is None:
        raise InsituError(f"the memory holds nothing yet to {event.kind}; teach it first")
    model, rng = _next(model)
    if event.kind == "forget":
        return verbs.forgotten(model, event.labels[0], rng)
    return replace(model, now_s=model.now_s + event.seconds)


def _next(model: Model) -> tuple[Model, np.random.Generator]:
    number = model.events + 1
    return replace(model, events=number), generator(model.seed, "event", number)
