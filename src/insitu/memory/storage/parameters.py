"""The parameters of a memory as JSON: substrates and devices by part name and fields.

Only parts of the rooms ``substrates`` and ``devices`` are ever imported. A record that a user defined elsewhere is
stored as its class name and fields, and must be passed again when the file is opened.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from insitu import catalog
from insitu.core import InsituError
from insitu.devices import Device
from insitu.memory.settings import make_settings
from insitu.memory.storage.records import build_record
from insitu.substrates import Substrate

DEFAULTS: dict[str, Any] = {"substrate": None, "backbone": None, "dim": 512, "random_state": 0}
NOT_STORED = ("unknown", "unknown_rate")  # they are of queries: nothing in the file depends on them
ROOMS = {"substrates": Substrate, "devices": Device}
OUTSIDE = "outside"  # key of the class name of a record defined outside the package


def describe(given: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as JSON; raise ``InsituError`` for an unknown one, or one that cannot be stored."""
    if odd := sorted(set(given) - {*DEFAULTS, *NOT_STORED}):
        raise InsituError(f"a memory has no parameter {odd[0]!r}; it has {', '.join([*DEFAULTS, *NOT_STORED])}")
    whole = DEFAULTS | given
    settings = make_settings(whole["substrate"], whole["backbone"], whole["dim"])
    seed = whole["random_state"]
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer)):
        raise InsituError(f"random_state of a stored memory is an integer or None; got {type(seed).__name__}")
    return {
        "substrate": _describe(settings.substrate),
        "backbone": None if settings.backbone is None else str(settings.backbone),
        "dim": settings.dim,
        "random_state": None if seed is None else int(seed),
    }


def read_parameters(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters whose description is ``stored``, and the ``given`` ones that are not stored.

    Raises ``InsituError`` where ``given`` ones differ, or where a record was defined outside the package and is not
    given.
    """
    if set(stored) != set(DEFAULTS):
        raise ValueError(f"parameters {', '.join(stored)}")
    backbone = stored["backbone"]
    if not isinstance(backbone, str | None) or "/" in (backbone or "") or "\\" in (backbone or ""):
        raise ValueError(f"backbone {backbone!r}")
    outside = _outside(stored["substrate"])
    if outside and given.get("substrate") is None:
        raise InsituError(
            f"it was created with {outside}, which is not part of insitu; open it in Python with "
            f"Memory.open(path, substrate=...), passing the same {outside}"
        )
    out = dict(stored) if outside else stored | {"substrate": _build(stored["substrate"])}
    before = stored if outside else describe(out)  # described again: a part may have got a field since
    now = describe(out | given)
    if odd := [name for name in DEFAULTS if before[name] != now[name]]:
        raise InsituError(
            f"the memory was created with another {odd[0]}, {_short(before[odd[0]])}; got {_short(now[odd[0]])}; "
            "omit it, or replay the memory into a new file (or delete a file that was never taught)"
        )
    if outside:
        out["substrate"] = make_settings(given["substrate"], None, 1).substrate
    return out | {name: given[name] for name in NOT_STORED if name in given}


def _describe(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_describe(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if not is_dataclass(value) or isinstance(value, type):
        raise InsituError(f"{type(value).__name__} cannot be stored in a file; use numbers, text or records as fields")
    part = catalog.part_of(type(value))
    inside = part is not None and part.room in ROOMS
    name = {"part": f"{part.room}/{part.name}"} if part is not None and inside else {OUTSIDE: type(value).__qualname__}
    return name | {"fields": {f.name: _describe(getattr(value, f.name)) for f in fields(value)}}


def _build(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_build(each) for each in value)
    if not isinstance(value, dict):
        return value
    room = str(value["part"]).split("/", 1)[0]
    if room not in ROOMS:
        raise ValueError(f"{value['part']} is not a substrate or device")
    kind = catalog.load(catalog.find(value["part"]))
    if not issubclass(kind, ROOMS[room]):
        raise ValueError(f"{value['part']} is not a substrate or device")
    return build_record(kind, {name: _build(each) for name, each in value["fields"].items()})


def _outside(value: Any) -> str:
    """Return the name of a record in ``value`` that was defined outside the package, or ''."""
    if isinstance(value, dict):
        names = [str(value[OUTSIDE])] if OUTSIDE in value else []
        return next(iter([*names, *filter(None, map(_outside, value.get("fields", {}).values()))]), "")
    return next(filter(None, map(_outside, value)), "") if isinstance(value, list) else ""


def _short(value: Any) -> str:
    return str(value.get("part") or value.get(OUTSIDE)) if isinstance(value, dict) else repr(value)
