"""Corrections of what a memory was taught, the list of its examples, and a copy of its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException

from insitu.memory import Memory
from insitu.service import thumbnails
from insitu.service.actions import Subject
from insitu.service.actions.changes import Changed, change, event, find_or_new_labels
from insitu.service.actions.checks import no_class, require_classes, require_label, snapshot
from insitu.service.actions.views import Json


def undo(subject: Subject) -> Changed:
    """Take back the last change."""
    last = subject.memory.last_change() if snapshot(subject.memory) is not None else None
    if last is None:
        raise HTTPException(409, "there is no change to undo")
    labels = [str(label) for label in dict.fromkeys(last.labels)]
    reply, (kind, content) = _changed(subject.memory, "undo", labels, lambda memory: memory.undo())
    return reply | {"undone": last.kind, "labels": labels}, (kind, content | {"undone": last.kind})


def rename(subject: Subject, name: str, new: str) -> Changed:
    """Call a class by another name."""
    memory = subject.memory
    label = require_label(memory, name)
    (other,) = find_or_new_labels(snapshot(memory), [new])
    if other in memory.classes_.tolist():
        raise HTTPException(409, "the memory holds a class of the new name already; move its examples instead")
    return _changed(memory, "rename", [str(label), str(other)], lambda memory: memory.rename(label, other))


def relabel(subject: Subject, example: int, name: str) -> Changed:
    """Move an example to another class."""
    memory = subject.memory
    old = _label_of(memory, example)
    (label,) = find_or_new_labels(snapshot(memory), [name])
    if label == old:
        raise HTTPException(409, "the example is of this class already")
    return _changed(memory, "relabel", [str(old), str(label)], lambda memory: memory.relabel(example, label))


def remove(subject: Subject, example: int) -> Changed:
    """Take an example out of its class."""
    label = str(_label_of(subject.memory, example))
    return _changed(subject.memory, "remove", [label], lambda memory: memory.remove_example(example))


def examples(subject: Subject, name: str, pictures: int) -> Json:
    """List the examples of a class, the latest ``pictures`` of them with what shows them."""
    memory = require_classes(subject.memory)
    label = require_label(memory, name)
    found = subject.memory.examples(label)
    fields = ("id", "at", "who", "stored")
    shown: list[str | None] = [None] * len(found)
    if pictures:
        latest = subject.memory.example_pictures(found[-pictures:])
        shown[-pictures:] = [thumbnails.data_url(each) for each in latest]
    listed = [
        {field: getattr(each, field) for field in fields} | {"picture": picture}
        for each, picture in zip(found, shown, strict=True)
    ]
    return {"label": str(label), "examples": listed}


def back_up(subject: Subject, path: str) -> Json:
    """Write a verified copy of the memory's file to ``path``."""
    if subject.memory._store is None:
        raise HTTPException(409, "the memory is not stored in a file")
    return {"bytes": subject.memory.backup(path).stat().st_size}


def _label_of(memory: Memory, example: int) -> Any:
    if snapshot(memory) is None:
        raise no_class()
    found = next((each for each in memory.examples() if each.id == example), None)
    if found is None:
        raise HTTPException(409, "the memory has no example of this id; see /api/taught for those of a class")
    return found.label


def _changed(memory: Memory, kind: str, labels: list[str], act: Callable[[Memory], Memory]) -> Changed:
    before = snapshot(memory)
    act(memory)
    reply = change(before, memory.projected(0))
    return reply, event(kind, reply, labels)
