"""A change of a memory as a value: the same event applied to an equal model gives an equal model."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, generator
from insitu.kernels.threading import one_thread
from insitu.memory import corrections
from insitu.memory.labels import Label
from insitu.memory.model import ClassStatistics, Model
from insitu.memory.settings import Settings

Kind = Literal["fit", "learn", "forget", "merge", "age", "undo", "rename", "remove", "relabel"]
EXAMPLE = "example"  # array (1,) with the id of the example that is removed or relabelled
NAMES = "feature_names"
MERGED = ("counts", "means", "kept", "kept_numbers")  # arrays of ``ClassStatistics``


@dataclass(frozen=True, eq=False)
class Event:
    """One event: ``labels`` has one label per example (fit, learn, remove), or one per class (merge, forget).

    A rename or relabel has the former and the new label. An undo takes back the latest change that is not taken back
    yet: any event since the fit but undo and age.
    """

    kind: Kind
    labels: list[Label]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)  # x as given, or merged statistics; feature names
    seconds: float = 0.0  # by which the clock advances
    at: str = ""  # UTC in ISO 8601
    who: str = ""

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the columns of X where it was a table."""
        given = self.arrays.get(NAMES)
        return None if given is None else tuple(json.loads(given.tobytes()))


def teach_event(kind: Kind, labels: list[Label], x: NDArray[Any], names: tuple[str, ...] | None) -> Event:
    """Return the event of learning examples x (n, ...) with feature names ``names``."""
    return Event(kind, labels, {"x": x} | _names_array(names))


def merge_event(added: ClassStatistics) -> Event:
    """Return the event of merging what another memory has learned."""
    arrays = {name: getattr(added, name) for name in MERGED}
    return Event("merge", added.labels, arrays | _names_array(added.feature_names))


def correction_event(kind: Kind, labels: list[Label], example: int, x: NDArray[Any] | None) -> Event:
    """Return the event of removing or relabelling an example; ``x`` (1, ...) is its input where it is not stored."""
    given = {} if x is None else {"x": x}
    return Event(kind, labels, {EXAMPLE: np.array([example], np.int64)} | given)


def _names_array(names: tuple[str, ...] | None) -> dict[str, NDArray[Any]]:
    # the journal has a column for arrays and none for names, so they are stored as bytes of an array
    return {} if names is None else {NAMES: np.frombuffer(json.dumps(names).encode(), np.uint8)}


def apply(settings: Settings, model: Model | None, event: Event, seed: int, before: Model | None = None) -> Model:
    """Return the model after ``event``; ``model`` is None before the first one, and ``seed`` is that of a new model.

    An undo returns to ``before``, the model before the change that it takes back.
    """
    with one_thread():
        return _apply(settings, model, event, seed, before)


def _apply(settings: Settings, model: Model | None, event: Event, seed: int, before: Model | None) -> Model:
    operations = settings.operations()
    if model is not None and event.kind != "fit":
        settings.check_encoder(model.encoder)
        model = replace(model, encoder=settings.identity())  # version 0.1.0 did not record it
    if event.kind in ("fit", "learn"):
        x = settings.vectors(event.arrays["x"])
        if model is None or event.kind == "fit":
            model = Model(x.shape[1], seed, feature_names=event.feature_names, encoder=settings.identity())
        model, rng = _next_event(_with_names(model, event))
        return operations.teach(model, x, event.labels, rng)
    if event.kind == "merge":
        arrays: dict[str, Any] = {name: event.arrays[name] for name in MERGED}
        added = ClassStatistics(event.labels, **arrays, feature_names=event.feature_names)
        if model is None:
            features = added.means.shape[1]
            model = Model(features, seed, feature_names=added.feature_names, encoder=settings.identity())
        model, rng = _next_event(_with_names(model, event))
        return operations.merge(model, added, rng)
    if model is None:
        raise InsituError(f"the memory holds nothing yet to {event.kind}; teach it first")
    model, rng = _next_event(model)
    if event.kind == "forget":
        return operations.forget(model, event.labels[0], rng)
    if event.kind == "undo":
        return corrections.undo(operations, model, before, rng)
    if event.kind == "rename":
        return corrections.rename(model, *event.labels)
    if event.kind in ("remove", "relabel"):
        return _correct(settings, model, event, rng)
    return replace(model, now_s=model.now_s + event.seconds)


def _correct(settings: Settings, model: Model, event: Event, rng: np.random.Generator) -> Model:
    operations, example = settings.operations(), int(event.arrays[EXAMPLE][0])
    given = settings.vectors(event.arrays["x"]) if "x" in event.arrays else None
    vector = corrections.vector_of(model, event.labels[0], example, given)
    if event.kind == "remove":
        return corrections.remove(operations, model, event.labels[0], example, vector, rng)
    return corrections.relabel(operations, model, event.labels, example, vector, rng)


def _with_names(model: Model, event: Event) -> Model:
    # a model without feature names takes the first ones that an event brings
    return replace(model, feature_names=event.feature_names) if model.feature_names is None else model


def _next_event(model: Model) -> tuple[Model, np.random.Generator]:
    number = model.events + 1
    return replace(model, events=number), generator(model.seed, "event", number)
