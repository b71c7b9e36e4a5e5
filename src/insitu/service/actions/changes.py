"""Changes of a memory; they are durable once the reply is sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException

from insitu.ledger import Ledger
from insitu.memory import Memory
from insitu.memory.query import Columns
from insitu.service.actions import Subject, items, views
from insitu.service.actions.checks import check_features, require_label, snapshot
from insitu.service.actions.views import Json
from insitu.service.labels import AmbiguousLabelError, find_label, new_label

Changed = tuple[Json, tuple[str, Json]]  # the reply, and the kind and content of the event for subscribers


def teach(subject: Subject, names: list[str], given: items.Given, with_devices: bool) -> Changed:
    """Teach examples."""
    memory = subject.memory
    x = items.decode(memory, given, subject.limits)
    before = snapshot(memory)
    check_features(memory, x)
    labels = find_or_new_labels(before, names)
    classes = list(dict.fromkeys(labels))
    devices: dict[Any, Columns | None] = {}
    if with_devices and before is not None:
        held = set(before.classes_.tolist())
        devices = {label: before.columns([label]) for label in classes if label in held}
    memory.partial_fit(x, labels, pictures=items.pictures(memory, x))
    after = memory.projected(0)
    reply = change(before, after)
    if with_devices and (columns := after.columns(classes, before)) is not None:
        reply["cells"] = [
            _column_change(str(label), devices.get(label), columns, index) for index, label in enumerate(classes)
        ]
    return reply, event("learn", reply, [str(label) for label in classes])


def forget(subject: Subject, name: str) -> Changed:
    """RESET the column of a class."""
    memory = subject.memory
    before = snapshot(memory)
    label = require_label(memory, name)
    memory.forget(label)
    reply = change(before, memory.projected(0))
    return reply, event("forget", reply, [str(label)])


def event(kind: str, reply: Json, labels: list[str]) -> tuple[str, Json]:
    """Return what subscribers learn of a change."""
    change = {"labels": labels, "classes": len(reply["classes"]), "spent": reply["spent"]}
    return kind, {"event": reply["event"], **change}


def find_or_new_labels(before: Memory | None, names: list[str]) -> list[Any]:
    """Return for every name the label of the class that it denotes, or a new label."""
    return labels_of(partial(find_label, before.classes_.tolist() if before else []), names)


def labels_of(find: Callable[[str], Any], names: list[str]) -> list[Any]:
    """Return for every name the label that ``find`` returns, or a new label where that is None."""
    label_of: dict[str, Any] = {}
    for name in dict.fromkeys(names):
        try:
            label = find(name)
            label_of[name] = new_label(name) if label is None else label
        except AmbiguousLabelError as error:
            raise HTTPException(409, str(error)) from None
        except ValueError as error:
            raise HTTPException(422, f"label: {error}") from None
    return [label_of[name] for name in names]


def change(before: Memory | None, after: Memory) -> Json:
    """Return the reply to a change."""
    spent = after.cost() - (Ledger() if before is None else before.cost())
    return {
        "event": after.events_,
        "classes": views.classes(after),
        "spent": dict(spent.counts),
        "energy_nj": views.energy_nj(spent),
    }


def _column_change(label: str, before: Columns | None, after: Columns, index: int) -> Json:
    """Return the change of one class; ``before`` holds it alone, ``after`` counts pulses from then on."""
    plus, minus = after.pulses[:, :, index].tolist()
    return {
        "label": label,
        "before": None if before is None else views.conductances(before, 0),
        "after": views.conductances(after, index),
        "pulses": {"plus": plus, "minus": minus},
        "reset": bool(after.resets[index]),
    }
