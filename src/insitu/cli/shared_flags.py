"""Flags of the learner reach the further arms of an experiment too, except where an arm sets that very field itself.

An arm sets a field itself where it differs from the learner's as the experiment's file has it: that is what the arm is
there for. Every change then says which arms it has reached, and which not.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, replace
from typing import Any

from insitu.core import InsituError
from insitu.experiments import Experiment


@dataclass
class Notes:
    """Of one arm, by the path of a changed field: whether it was reached, else the arm's own value."""

    reached: list[str] = field(default_factory=list)
    own: dict[str, Any] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)


def reach(original: Experiment, changed: Experiment) -> tuple[Experiment, dict[str, Notes]]:
    """Return ``changed`` with its learner's changed fields set in the further arms too, and notes per arm."""
    arms, notes = [], {}
    for arm in changed.variants:
        note = notes[arm.name] = Notes()
        try:
            learner = _followed(arm.learner, original.learner, changed.learner, "learner", note)
        except InsituError as error:
            raise InsituError(f"{arm.name!r}, which the flags of the learner reach too: {error}") from error
        for name, value in arm.changes:
            if getattr(original.scenario, name, None) != getattr(changed.scenario, name, None):
                note.own[f"scenario.{name}"] = value
        arms.append(replace(arm, learner=learner))
    return replace(changed, variants=tuple(arms)), notes


def annotated(changes: list[dict[str, Any]], notes: dict[str, Notes]) -> list[dict[str, Any]]:
    """Add to each change ``also``, the arms it has reached, and ``but``, those that keep their own value, where any."""
    out = []
    for change in changes:
        name = change["field"]
        also = [arm for arm, note in notes.items() if name in note.reached]
        but = [f"{arm}: {_text(note.own[name])}" for arm, note in notes.items() if name in note.own]
        but += [f"{arm} has none" for arm, note in notes.items() if name in note.lacking]
        out.append(change | ({"also": also} if also else {}) | ({"but": but} if but else {}))
    return out


def _followed(arm: Any, before: Any, after: Any, path: str, note: Notes) -> Any:
    """Return an arm's value of a field that was ``before`` in the learner and is ``after``."""
    if before == after:
        return arm
    if not dataclasses.is_dataclass(before) or type(before) is not type(after):
        if arm == before:
            note.reached.append(path)
            return after
        note.own[path] = arm
        return arm
    fields = {}
    for each in dataclasses.fields(before):
        old, new = getattr(before, each.name), getattr(after, each.name)
        below = f"{path}.{each.name}"
        if old == new or not each.init:
            continue
        if not hasattr(arm, each.name):
            note.lacking.append(below)
        else:
            fields[each.name] = _followed(getattr(arm, each.name), old, new, below, note)
    return replace(arm, **fields) if fields else arm


def _text(value: Any) -> str:
    return type(value).__name__ if dataclasses.is_dataclass(value) else str(value)
