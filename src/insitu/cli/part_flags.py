"""A field that holds a part is swapped by the part's name: ``--learner.substrate.device pcm-joshi2020``.

Parts are swapped before the other flags are read, since a new part has fields of its own.
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
    """One flag of the command line, with the values that follow it."""

    name: str
    tokens: list[str]

    @property
    def values(self) -> list[str]:
        """The values, whether they follow the flag or an equals sign."""
        first = self.tokens[0].partition("=")
        return ([first[2]] if first[1] else []) + self.tokens[1:]


@dataclass(frozen=True)
class Slot:
    """A field that holds a part: its flag, the room, and the names of the parts that fit ('none' where allowed)."""

    flag: str
    room: str
    allowed: list[str]
    optional: bool


def slots(record: object, hidden: Set[str] = frozenset(), prefix: str = "") -> Iterator[Slot]:
    """Yield the fields, depth first, that hold a part of which there are several."""
    hints = get_type_hints(type(record))
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        if field.name in hidden:
            continue
        slot = _slot(prefix + dash(field.name), hints[field.name])
        if slot and len(slot.allowed) + slot.optional > 1:
            yield slot
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            yield from slots(value, prefix=f"{prefix}{dash(field.name)}.")


def _slot(flag: str, kind: Any) -> Slot | None:
    kinds = [each for each in get_args(kind) or (kind,) if isinstance(each, type) and each is not NoneType]
    optional = NoneType in get_args(kind)
    for each in kinds:
        pieces = each.__module__.split(".")
        if pieces[0] == "insitu" and len(pieces) > 1 and pieces[1] in catalog.ROOMS:
            # a room's abstract class accepts every part of the room, a part's class only that part
            records = set(catalog.RECORDS.values())
            parts = [part for part in catalog.parts(pieces[1]) if part.symbol not in records]
            fit = [part.name for part in parts if len(pieces) == 2 or part.symbol in {k.__name__ for k in kinds}]
            return Slot(flag, pieces[1], fit, optional) if fit else None
    return None


def swap(record: T, groups: list[Group], hidden: Set[str]) -> tuple[T, list[Group]]:
    """Put the parts that are named into the record, outermost first, and return the flags that are left."""
    left = []
    for group in sorted(groups, key=lambda group: group.name.count(".")):
        slot = next((found for found in slots(record, hidden) if found.flag == group.name), None)
        if slot is None:
            left.append(group)
            continue
        names = [*slot.allowed, *(["none"] if slot.optional else [])]
        if len(group.values) != 1:
            raise InsituError(f"--{group.name} takes the name of one part: {', '.join(names)}")
        given = catalog.dashed(group.values[0])
        if given not in names and slot.room == "encoders":
            from insitu import encoders

            made: Any = encoders.find(group.values[0])  # a trained backbone, or an ONNX file
        elif given not in names:
            raise InsituError(f"--{group.name} {group.values[0]}: no such part; the {slot.room} are {', '.join(names)}")
        else:
            made = None if given == "none" else _made(group.name, given, slot.room)
        record = _put(record, group.name.replace("-", "_").split("."), made)
    return record, left


def _made(flag: str, name: str, room: str) -> Any:
    try:
        return catalog.load(catalog.find(name, room))()
    except TypeError as error:
        raise InsituError(f"--{flag} {name}: this part has no defaults ({error}); name another") from error


def _put(record: Any, path: list[str], value: Any) -> Any:
    inner = value if len(path) == 1 else _put(getattr(record, path[0]), path[1:], value)
    return replace(record, **{path[0]: inner})


def takes(kind: Any) -> str:
    """Return in words which values a type accepts."""
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
