"""The records that a file may contain: those that a model consists of, and those in which its substrate holds a matrix.

They are collected from field annotations, starting at ``Model`` and at the argument ``held`` of the substrate's
``multiply``. So a new substrate needs no registration, and a file cannot name any other class.
"""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import torch

from insitu.memory.model import Model
from insitu.rows import Rows
from insitu.substrates import Substrate

Records = dict[str, type]
# modules under which files of older versions name their records
FORMER = {
    "insitu.memory._nouns": "insitu.memory.model",
    "insitu.memory._space": "insitu.memory.space",
    "insitu.learners": "insitu.protocols",
    "insitu.learners._projection": "insitu.learners.projections",
    "insitu.learners.explicit_memory": "insitu.learners.array_columns",
    "insitu.substrates._tiles": "insitu.substrates.analog.tiles",
}
FAMILIES = (np.bool_, np.integer, np.floating)  # an annotated NumPy type stands for all widths of its family


@cache
def allowed_records(substrate: type[Substrate]) -> Records:
    """Return the records of a memory on this kind of substrate, by their names in a file."""
    found: set[type] = set()
    for hint in (Model, get_type_hints(substrate.multiply).get("held", Any)):
        _collect(hint, found)
    return {record_name(kind): kind for kind in found}


def record_name(kind: type) -> str:
    """Return the name of a record in a file."""
    return f"{kind.__module__}:{kind.__name__}"


def current_name(name: Any) -> Any:
    """Return the current name of a record, which a file may name by its module in an older version."""
    if not isinstance(name, str):
        return name
    module, _, kind = name.rpartition(":")
    return f"{FORMER.get(module, module)}:{kind}"


def build_record(kind: Any, values: dict[str, Any]) -> Any:
    """Return the record with these fields; a field that an older file lacks gets its default.

    Raises ``ValueError`` for unknown or missing fields, and for values of another type.
    """
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    if odd := [name for name in values if name not in known]:
        raise ValueError(f"{kind.__name__} has no {odd[0]}")
    missing = [f.name for f in known.values() if f.default is MISSING and f.default_factory is MISSING]
    if odd := [name for name in missing if name not in values]:
        raise ValueError(f"{kind.__name__} lacks {odd[0]}")
    for name, value in values.items():
        if hints[name] is Rows and isinstance(value, np.ndarray | torch.Tensor) and value.ndim == 2:
            values[name] = Rows.of(np.asarray(value))
    if odd := [name for name, value in values.items() if not has_type(value, hints[name])]:
        raise ValueError(f"{odd[0]} of {kind.__name__} is a {type(values[odd[0]]).__name__}")
    return kind(**values)


def has_type(value: Any, hint: Any) -> bool:
    """Return whether a value has the annotated type."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(has_type(value, each) for each in inner)
    if origin is Literal:
        return value in inner
    if origin is np.ndarray:
        wanted = next(iter(get_args(inner[1])), Any)
        family = next((each for each in FAMILIES if wanted is not Any and issubclass(wanted, each)), np.generic)
        return isinstance(value, np.ndarray) and np.issubdtype(value.dtype, family)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return isinstance(value, tuple) and all(has_type(each, inner[0]) for each in value)
    if origin is tuple:
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(has_type, value, inner))
    if origin is list:
        return isinstance(value, list) and all(has_type(each, inner[0]) for each in value)
    if origin in (dict, Counter):
        key, each = inner if origin is dict else (inner[0], int)
        return isinstance(value, origin) and all(has_type(k, key) and has_type(v, each) for k, v in value.items())
    if hint is None or hint is types.NoneType:
        return value is None
    if hint in (int, float):
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    return isinstance(value, torch.Tensor if hint is torch.Tensor else origin or hint)


def _collect(hint: Any, found: set[type]) -> None:
    for kind in _classes(hint):
        if kind not in found:
            found.add(kind)
            for inner in get_type_hints(kind).values():
                _collect(inner, found)


def _classes(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for inner in get_args(hint):
        yield from _classes(inner)
