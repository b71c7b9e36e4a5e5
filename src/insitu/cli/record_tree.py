"""Records as trees of values: parts by their names, everything else as a flag takes it."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

from insitu import catalog


@dataclass(frozen=True)
class Node:
    """A line of a tree."""

    name: str
    text: str
    below: list[Node] = field(default_factory=list)


def node(name: str, value: Any, before: Any = None, leave_out: Set[str] = frozenset()) -> Node:
    """Return a value as a tree; of a record of the same type as ``before``, only the fields that differ from it."""
    if not is_record(value):
        return Node(name, text(value))
    same = type(value) is type(before)
    given = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init and f.name not in leave_out}
    known = {each: getattr(before, each) for each in given} if same else {}
    shown = {each: held for each, held in given.items() if not same or held != known[each]}
    kind = kind_of(value)
    below = [node(each, held, known.get(each)) for each, held in shown.items()]
    return Node(name, "" if kind == catalog.dashed(name) else kind, below)


def is_record(value: object) -> bool:
    """Return whether a value is a record, such as a part."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def kind_of(record: object) -> str:
    """Return the name of a part, and of another record that of its type in words."""
    part = catalog.part_of(type(record))
    return part.name if part else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(record).__name__).lower()


def text(value: Any) -> str:
    """Write a value as flags take it; a record by its name, with the fields that are not its defaults."""
    if is_record(value):
        try:
            changed = node("", value, type(value)()).below
        except TypeError:  # some fields have no defaults
            changed = node("", value).below
        given = ", ".join(f"{each.name} {text_of(each)}" for each in changed)
        return f"{kind_of(value)} ({given})" if given else kind_of(value)
    if isinstance(value, tuple | list):
        nested = any(isinstance(item, tuple | list) or is_record(item) for item in value)
        return ", ".join(map(text, value)) if nested else " ".join(shlex.quote(text(item)) for item in value)
    if isinstance(value, str):
        return value or '""'
    return str(getattr(value, "__name__", value))


def text_of(tree: Node) -> str:
    """Write a tree in one line."""
    below = ", ".join(f"{each.name} {text_of(each)}" for each in tree.below)
    return f"{tree.text} ({below})".strip() if below else tree.text
