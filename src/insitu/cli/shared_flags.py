"""Flags of the learner apply to the variants of an experiment, too, except to fields that a variant sets itself.

A variant sets a field itself where its value differs from the learner's in the experiment's file, since that is the
point of the variant. Every change lists the variants that it applies to, and those that keep their own value. A variant
whose learner cannot be made with the changes is left out.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, replace
from typing import Any

from insitu.core import InsituError
from insitu.experiments import Experiment


@dataclass
class Notes:
    """Of one variant, the paths of changed fields: those that apply, those with their own value, and those it lacks."""

    reached: list[str] = field(default_factory=list)
    own: dict[str, Any] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)
    impossible: str = ""  # why the variant is left out


def reach(original: Experiment, changed: Experiment) -> tuple[Experiment, dict[str, Notes]]:
    """Return ``changed`` with its learner's changed fields set in the variants, too, and notes per variant."""
    variants, notes = [], {}
    for variant in changed.variants:
        note = notes[variant.name] = Notes()
        try:
            learner = _followed(variant.learner, original.learner, changed.learner, "learner", note)
            if learner != variant.learner:
                learner.check(changed.scenario.protocol, changed.scenario.inputs(changed.data))
        except InsituError as error:
            notes[variant.name] = Notes(impossible=str(error))
            continue
        for name, value in variant.changes:
            if getattr(original.scenario, name, None) != getattr(changed.scenario, name, None):
                note.own[f"scenario.{name}"] = value
        variants.append(replace(variant, learner=learner))
    return replace(changed, variants=tuple(variants)), notes


def annotated(changes: list[dict[str, Any]], notes: dict[str, Notes]) -> list[dict[str, Any]]:
    """Add to each change ``also``, the variants that it applies to, and ``but``, those that keep their own value."""
    out = []
    for change in changes:
        name = change["field"]
        also = [variant for variant, note in notes.items() if name in note.reached]
        but = [f"{variant}: {_text(note.own[name])}" for variant, note in notes.items() if name in note.own]
        but += [f"{variant} has none" for variant, note in notes.items() if name in note.lacking]
        but += [f"{variant} is left out" for variant, note in notes.items() if note.impossible]
        out.append(change | ({"also": also} if also else {}) | ({"but": but} if but else {}))
    return out


def _followed(own: Any, before: Any, after: Any, path: str, note: Notes) -> Any:
    """Return a variant's value of a field that the flags have changed from ``before`` to ``after`` in the learner."""
    if before == after:
        return own
    if not dataclasses.is_dataclass(before) or type(before) is not type(after):
        if own == before:
            note.reached.append(path)
            return after
        note.own[path] = own
        return own
    fields = {}
    for each in dataclasses.fields(before):
        old, new = getattr(before, each.name), getattr(after, each.name)
        below = f"{path}.{each.name}"
        if old == new or not each.init:
            continue
        if not hasattr(own, each.name):
            note.lacking.append(below)
        else:
            fields[each.name] = _followed(getattr(own, each.name), old, new, below, note)
    return replace(own, **fields) if fields else own


def _text(value: Any) -> str:
    return type(value).__name__ if dataclasses.is_dataclass(value) else str(value)
