"""What happens to a memory, as a value: the same event on an equal memory leads to an equal memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, generator
from insitu.memory.labels import Label
from insitu.memory.model import Experience, Model
from insitu.memory.settings import Settings

Kind = Literal["fit", "learn", "forget", "merge", "age"]
NAMES = "feature_names"
MERGED = ("counts", "means", "kept", "kept_numbers")  # arrays of an ``Experience``


@dataclass(frozen=True, eq=False)
class Event:
    """One event: ``labels`` has one label per example, or those of the classes that come or go."""

    kind: Kind
    labels: list[Label]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)  # x as given, or what was merged; names of features
    seconds: float = 0.0  # by which the memory ages
    at: str = ""  # when, as UTC in ISO 8601
    who: str = ""

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the columns that came with it, where they came from a table."""
        given = self.arrays.get(NAMES)
        return None if given is None else tuple(json.loads(given.tobytes()))


def teaching(kind: Kind, labels: list[Label], x: NDArray[Any], names: tuple[str, ...] | None) -> Event:
    """Return the event of examples x (n, ...); ``names`` are those of its features."""
    return Event(kind, labels, {"x": x} | _named(names))


def merging(taken: Experience) -> Event:
    """Return the event of what another memory was taught."""
    return Event("merge", taken.labels, {name: getattr(taken, name) for name in MERGED} | _named(taken.feature_names))


def _named(names: tuple[str, ...] | None) -> dict[str, NDArray[Any]]:
    # as bytes in an array: a journal has a place for arrays, and none for names
    return {} if names is None else {NAMES: np.frombuffer(json.dumps(names).encode(), np.uint8)}


def apply(settings: Settings, model: Model | None, event: Event, seed: int) -> Model:
    """Return the memory after ``event``; ``model`` is None before the first; a new one draws by ``seed``."""
    verbs = settings.verbs()
    if model is not None and event.kind != "fit":
        settings.check_encoder(model.encoder)
        model = replace(model, encoder=settings.encoder())  # which version 0.1.0 did not note
    if event.kind in ("fit", "learn"):
        x = settings.vectors(event.arrays["x"])
        if model is None or event.kind == "fit":
            model = Model(x.shape[1], seed, feature_names=event.feature_names, encoder=settings.encoder())
        model, rng = _next(_named_by(model, event))
        return verbs.taught(model, x, event.labels, rng)
    if event.kind == "merge":
        arrays: dict[str, Any] = {name: event.arrays[name] for name in MERGED}
        taken = Experience(event.labels, **arrays, feature_names=event.feature_names)
        if model is None:
            features = taken.means.shape[1]
            model = Model(features, seed, feature_names=taken.feature_names, encoder=settings.encoder())
        model, rng = _next(_named_by(model, event))
        return verbs.merged(model, taken, rng)
    if model is None:
        raise InsituError(f"the memory holds nothing yet to {event.kind}; teach it first")
    model, rng = _next(model)
    if event.kind == "forget":
        return verbs.forgotten(model, event.labels[0], rng)
    return replace(model, now_s=model.now_s + event.seconds)


def _named_by(model: Model, event: Event) -> Model:
    # a memory that was taught without names takes the first that come
    return replace(model, feature_names=event.feature_names) if model.feature_names is None else model


def _next(model: Model) -> tuple[Model, np.random.Generator]:
    number = model.events + 1
    return replace(model, events=number), generator(model.seed, "event", number)
