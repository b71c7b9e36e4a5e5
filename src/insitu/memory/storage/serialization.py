"""A value of records, arrays and numbers as JSON and named arrays, and back; no pickle, so a file can only hold data.

A record is ``{"record": "insitu.module:Name", "fields": ...}``, where the name is one of a list of records that a
memory may hold; nothing is imported by it. An array is ``{"array": path, ...}`` with its kind and shape. Arrays are
kept in parts, so that what one event changes is all that is written: one part per column of the substrate (its arrays
have columns last), elsewhere one per row.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from insitu.memory.storage.records import Records, current_name, made, name_of

Array = NDArray[Any]
WHOLE = 4096  # bytes of an array that is one part


def flat(value: object, path: str, arrays: dict[str, Array]) -> Any:
    """Return ``value`` as JSON; its arrays are put into ``arrays`` under names that begin with ``path``.

    An array that two records share is put there once.
    """
    return _flat(value, path, arrays, {})


def _flat(value: object, path: str, arrays: dict[str, Array], places: dict[Any, str]) -> Any:
    if isinstance(value, torch.Tensor | np.ndarray):
        array = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        where = (array.__array_interface__["data"][0], array.dtype.str, array.shape, array.strides)
        place = places.setdefault(where, path) if array.size else path
        arrays[place] = array
        kind = "tensor" if isinstance(value, torch.Tensor) else "array"
        return {kind: place, "dtype": array.dtype.str, "shape": list(array.shape)}
    if is_dataclass(value) and not isinstance(value, type):
        content = {f.name: _flat(getattr(value, f.name), f"{path}/{f.name}", arrays, places) for f in fields(value)}
        return {"record": name_of(type(value)), "fields": content}
    if isinstance(value, Counter):
        return {"counter": dict(value)}
    if isinstance(value, dict):
        items = enumerate(value.items())
        return {"pairs": [[key, _flat(each, f"{path}/{n}", arrays, places)] for n, (key, each) in items]}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_flat(each, f"{path}/{n}", arrays, places) for n, each in enumerate(value)]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{path} is a {type(value).__name__}, which cannot be kept in a file")


def grown(tree: Any, array: Callable[[str, np.dtype[Any], list[int]], Array], records: Records) -> Any:
    """Return the value that ``flat`` made ``tree`` of; ``array`` gives the array of a name, kind and shape.

    Raises ``ValueError`` for a record that is not among ``records``, or that has other fields.
    """
    known: dict[str, Array] = {}

    def once(path: str, kind: np.dtype[Any], shape: list[int]) -> Array:
        if path not in known:
            known[path] = array(path, kind, shape)
        if known[path].dtype != kind or known[path].shape != tuple(shape):
            raise ValueError(f"{path} is said to be {kind} of shape {shape}")
        return known[path]

    return _grown(tree, once, records)


def _grown(tree: Any, array: Callable[[str, np.dtype[Any], list[int]], Array], records: Records) -> Any:
    if not isinstance(tree, dict):
        return tree
    (kind, content), *_ = tree.items()
    if kind in ("tensor", "array"):
        given = array(content, _numbers(tree["dtype"]), tree["shape"])
        return torch.from_numpy(given) if kind == "tensor" else given
    if kind == "record":
        if (name := current_name(content)) not in records:
            raise ValueError(f"{content} is no record that such a memory holds")
        return made(records[name], {name: _grown(each, array, records) for name, each in tree["fields"].items()})
    if kind == "counter":
        return Counter(content)
    if kind == "pairs":
        return {key: _grown(each, array, records) for key, each in content}
    if kind == "float":
        return float(content)
    items = [_grown(each, array, records) for each in content]
    return tuple(items) if kind == "tuple" else items


def _numbers(kind: str) -> np.dtype[Any]:
    found = np.dtype(kind)
    if found.kind not in "biuf":
        raise ValueError(f"an array of {kind}")
    return found


def parted(path: str, array: Array) -> Array:
    """Return an array with its parts along the first axis."""
    parts = array
    if array.nbytes <= WHOLE or array.ndim < 2:
        parts = array[np.newaxis]
    elif _columns_last(path):
        parts = np.moveaxis(array, -1, 0)
    return parts


def joined(path: str, kind: np.dtype[Any], shape: list[int], parts: Mapping[int, bytes]) -> Array:
    """Return the array of which ``parts`` are the bytes; raise ``ValueError`` where they do not make it up."""
    blank = parted(path, np.broadcast_to(np.zeros((), kind), shape))  # takes no room, however large it is said to be
    if not blank.size:
        return np.empty(shape, kind)
    if len(parts) != len(blank) or sorted(parts) != list(range(len(parts))):
        raise ValueError(f"{path} has {len(parts)} parts of {len(blank)}")
    out: Array = np.stack([np.frombuffer(parts[part], kind).reshape(blank.shape[1:]) for part in range(len(blank))])
    if len(blank) == 1 and out.shape[1:] == tuple(shape):
        return out.reshape(shape)
    return np.ascontiguousarray(np.moveaxis(out, 0, -1)) if _columns_last(path) else out


def changed(path: str, old: Array | None, new: Array) -> list[int]:
    """Return which parts of ``new`` differ from those of ``old``."""
    if new is old or not new.size:
        return []
    after = parted(path, new)
    every = list(range(len(after)))
    if old is None or old.dtype != new.dtype or not old.size:
        return every
    before = parted(path, old)
    if before.shape[1:] != after.shape[1:]:
        return every
    both = min(len(before), len(after))
    differ = (before[:both] != after[:both]).reshape(both, -1).any(1)
    return [*np.flatnonzero(differ).tolist(), *every[both:]]


def _columns_last(path: str) -> bool:
    return "/held/" in path
