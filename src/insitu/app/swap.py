"""A field that holds a part is swapped by the part's name: ``--learner.substrate.device pcm-joshi2020``.

Swapping comes before the other flags are read, since the new part has fields of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from insitu import catalog
from insitu.core import InsituError

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """One flag as it was typed, with the values that follow it."""

    name: str
    tokens: list[str]

    @property
    def values(self) -> list[str]:
        """The values, whether they follow the flag or an equals sign."""
        first = self.tokens[0].partition("=")
        return ([first[2]] if first[1] else []) + self.tokens[1:]


def slots(record: object, hidden: Set[str] = frozenset(), prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield (flag, room, kind) of every field that holds a part, depth first: those that can be swapped by name."""
    hints = get_type_hints(type(record))
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value, kind = getattr(record, field.name), hints[field.name]
        if field.name in hidden:
            continue
        if room := _room(kind) or (dataclasses.is_dataclass(value) and _room(type(value))):
            yield prefix + dash(field.name), room, kind
        if dataclasses.is_dataclass(value):
            yield from slots(value, prefix=f"{prefix}{dash(field.name)}.")


def _room(kind: Any) -> str | None:
    for each in get_args(kind) or (kind,):
        pieces = getattr(each, "__module__", "").split(".")
        if isinstance(each, type) and pieces[0] == "insitu" and len(pieces) > 1 and pieces[1] in catalog.ROOMS:
            return pieces[1]
    return None


def swap(record: T, groups: list[Group], hidden: Set[str]) -> tuple[T, list[Group]]:
    """Put the parts that are named into the record, outermost first, and return the flags that are left."""
    left = []
    for group in sorted(groups, key=lambda group: group.name.count(".")):
        slot = next((found for found in slots(record, hidden) if found[0] == group.name), None)
        if slot is None:
            left.append(group)
            continue
        _, room, kind = slot
        allowed = [part.name for part in catalog.parts(room)]
        if len(group.values) != 1:
            raise InsituError(f"--{group.name} takes the name of one part: {', '.join(allowed)}")
        given = catalog.dashed(group.values[0])
        if given not in allowed:
            raise InsituError(f"--{group.name} {group.values[0]}: no such part; the {room} are {', '.join(allowed)}")
        record = _put(record, group.name.replace("-", "_").split("."), _made(group.name, given, room, kind))
    return record, left


def _made(flag: str, name: str, room: str, kind: Any) -> Any:
    try:
        made = catalog.load(catalog.find(name, room))()
    except TypeError as error:
        raise InsituError(f"--{flag} {name}: this part has no defaults ({error}); name another") from error
    wanted = tuple(each for each in (get_args(kind) or (kind,)) if isinstance(each, type))
    if wanted and not isinstance(made, wanted):
        raise InsituError(f"--{flag} {name}: here goes a {takes(kind)}, and {name} is none")
    return made


def _put(record: Any, path: list[str], value: Any) -> Any:
    inner = value if len(path) == 1 else _put(getattr(record, path[0]), path[1:], value)
    return replace(record, **{path[0]: inner})


def takes(kind: Any) -> str:
    """Say in words what values a type stands for."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(map(str, args))}"
    if origin in (Union, UnionType):
        return " or ".join("None" if each is NoneType else takes(each) for each in args)
    if origin in (tuple, list):
        several = len(args) - (Ellipsis in args)
        count = f"{several} values" if Ellipsis not in args and origin is tuple else "values"
        return f"{count}, each {takes(args[0])}" if args else count
    words = {int: "a whole number", float: "a number", str: "a text", bool: "no value (--name or --no-name)"}
    return words.get(kind, getattr(kind, "__name__", str(kind)).lower())


def dash(name: str) -> str:
    """Return a field's name as a flag shows it."""
    return name.replace("_", "-")
