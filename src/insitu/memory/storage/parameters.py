"""The parameters of a memory as JSON: a substrate is named by its file, with its fields.

A file names parts of the rooms ``substrates`` and ``devices`` only, and nothing is imported by another name. A record
that a user defined elsewhere is noted by its class's name and fields; whoever opens the file gives it again.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from insitu import catalog
from insitu.core import InsituError
from insitu.devices import Device
from insitu.memory.settings import settings_of
from insitu.memory.storage.records import made
from insitu.substrates import Substrate

DEFAULTS: dict[str, Any] = {"substrate": None, "backbone": None, "dim": 512, "random_state": 0}
ROOMS = {"substrates": Substrate, "devices": Device}
OUTSIDE = "outside"  # what a record defined outside the package is noted under


def described(given: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as JSON; raise ``InsituError`` for an unknown one, or one that cannot be kept in a file."""
    if odd := sorted(set(given) - set(DEFAULTS)):
        raise InsituError(f"a memory has no parameter {odd[0]!r}; it has {', '.join(DEFAULTS)}")
    whole = DEFAULTS | given
    settings = settings_of(whole["substrate"], whole["backbone"], whole["dim"])
    seed = whole["random_state"]
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer)):
        raise InsituError(f"random_state of a memory in a file is an integer or None; got {type(seed).__name__}")
    return {
        "substrate": _described(settings.substrate),
        "backbone": None if settings.backbone is None else str(settings.backbone),
        "dim": settings.dim,
        "random_state": None if seed is None else int(seed),
    }


def parameters(kept: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that were described as ``kept``.

    Raises ``InsituError`` where ``given`` ones differ, or where a record was defined outside the package and is not
    given.
    """
    if set(kept) != set(DEFAULTS):
        raise ValueError(f"parameters {', '.join(kept)}")
    if not isinstance(kept["backbone"], str | None) or "/" in (kept["backbone"] or "") or "\\" in str(kept["backbone"]):
        raise ValueError(f"backbone {kept['backbone']!r}")
    outside = _outside(kept["substrate"])
    if outside and given.get("substrate") is None:
        raise InsituError(
            f"it was made with {outside}, which is no part of insitu; open it in Python with "
            f"Memory.open(path, substrate=...), given the {outside} it was made with"
        )
    out = dict(kept) if outside else kept | {"substrate": _made(kept["substrate"])}
    was = kept if outside else described(out)  # described again: a part may have got a field since
    asked = described(out | given)
    if odd := [name for name in DEFAULTS if was[name] != asked[name]]:
        raise InsituError(
            f"the memory was made with another {odd[0]}, {_short(was[odd[0]])}, than the {_short(asked[odd[0]])} "
            "given; leave it out, or replay the memory into a new file (or delete one that was never taught)"
        )
    return out | ({"substrate": settings_of(given["substrate"], None, 1).substrate} if outside else {})


def _described(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_described(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if not is_dataclass(value) or isinstance(value, type):
        raise InsituError(f"{type(value).__name__} cannot be kept in a file; fields are numbers, text or records")
    part = catalog.part_of(type(value))
    inside = part is not None and part.room in ROOMS
    name = {"part": f"{part.room}/{part.name}"} if part is not None and inside else {OUTSIDE: type(value).__qualname__}
    return name | {"fields": {f.name: _described(getattr(value, f.name)) for f in fields(value)}}


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_made(each) for each in value)
    if not isinstance(value, dict):
        return value
    room = str(value["part"]).split("/", 1)[0]
    if room not in ROOMS:
        raise ValueError(f"{value['part']} is no substrate or device")
    kind = catalog.load(catalog.find(value["part"]))
    if not issubclass(kind, ROOMS[room]):
        raise ValueError(f"{value['part']} is no substrate or device")
    return made(kind, {name: _made(each) for name, each in value["fields"].items()})


def _outside(value: Any) -> str:
    """Return the name of a record in ``value`` that was defined outside the package, or ''."""
    if isinstance(value, dict):
        names = [str(value[OUTSIDE])] if OUTSIDE in value else []
        return next(iter([*names, *filter(None, map(_outside, value.get("fields", {}).values()))]), "")
    return next(filter(None, map(_outside, value)), "") if isinstance(value, list) else ""


def _short(value: Any) -> str:
    return str(value.get("part") or value.get(OUTSIDE)) if isinstance(value, dict) else repr(value)
