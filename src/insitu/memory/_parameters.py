"""The parameters of a memory as JSON: a substrate is named by its file, with its fields."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from insitu import catalog
from insitu.core import InsituError
from insitu.memory._settings import settings_of

DEFAULTS: dict[str, Any] = {"substrate": None, "backbone": None, "dim": 512, "random_state": 0}


def described(given: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as JSON; raise ``InsituError`` for an unknown one, or one that cannot be kept in a file."""
    if odd := sorted(set(given) - set(DEFAULTS)):
        raise InsituError(f"a memory has no parameter {odd[0]!r}; it has {', '.join(DEFAULTS)}")
    whole = DEFAULTS | given
    settings = settings_of(whole["substrate"], whole["backbone"], whole["dim"])
    seed = _described(whole["random_state"])
    if seed is not None and not isinstance(seed, int):
        raise InsituError(f"random_state of a memory in a file is an integer or None; got {type(seed).__name__}")
    substrate = _described(settings.substrate)
    return {"substrate": substrate, "backbone": settings.backbone, "dim": settings.dim, "random_state": seed}


def parameters(described: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that were described."""
    return {name: _made(value) for name, value in described.items()}


def _described(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if not is_dataclass(value) or isinstance(value, type):
        return value
    part = catalog.part_of(type(value))
    if part is None:
        raise InsituError(
            f"{type(value).__name__} is not a file of a room, so that a file could not name it; put it into one"
        )
    return {
        "part": f"{part.room}/{part.name}",
        "fields": {f.name: _described(getattr(value, f.name)) for f in fields(value)},
    }


def _made(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    made = catalog.load(catalog.find(value["part"]))
    return made(**{name: _made(each) for name, each in value["fields"].items()})
