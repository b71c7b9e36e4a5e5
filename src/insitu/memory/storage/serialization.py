"""Serialization of nested records and arrays as JSON and named arrays, without pickle: a file holds data, never code.

A record is ``{"record": "insitu.module:Name", "fields": ...}``; the name is looked up among the allowed records and
never imported. An array is ``{"array": path, ...}`` with its type and shape. Arrays are stored in parts, so that only
what an event changes is written: one part per column for arrays of the substrate (which have columns last), one per row
elsewhere.
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

from insitu.memory.storage.records import Records, build_record, current_name, record_name
from insitu.rows import Rows

Array = NDArray[Any]
Arrays = dict[str, Array | Rows]
PLAIN = (str, int, bool, type(None))  # what JSON has as it is; most values are labels and numbers of classes
SINGLE_PART = 4096  # bytes up to which an array is not split


def flatten(value: object, path: str, arrays: Arrays, names: dict[Any, str] | None = None) -> Any:
    """Return ``value`` as JSON; its arrays are added to ``arrays`` under names that begin with ``path``.

    An array that several records share is added once: ``names`` has the name of each by its address.
    """
    if type(value) in PLAIN:
        return value
    names = {} if names is None else names
    if isinstance(value, Rows):
        arrays[path] = value
        return {"array": path, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, torch.Tensor | np.ndarray):
        array = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        memory = (array.__array_interface__["data"][0], array.dtype.str, array.shape, array.strides)
        name = names.setdefault(memory, path) if array.size else path
        arrays[name] = array
        kind = "tensor" if isinstance(value, torch.Tensor) else "array"
        return {kind: name, "dtype": array.dtype.str, "shape": list(array.shape)}
    if is_dataclass(value) and not isinstance(value, type):
        content = {f.name: flatten(getattr(value, f.name), f"{path}/{f.name}", arrays, names) for f in fields(value)}
        return {"record": record_name(type(value)), "fields": content}
    if isinstance(value, Counter):
        return {"counter": dict(value)}
    if isinstance(value, dict):
        items = enumerate(value.items())
        return {
            "pairs": [
                [key, each if type(each) in PLAIN else flatten(each, f"{path}/{n}", arrays, names)]
                for n, (key, each) in items
            ]
        }
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [flatten(each, f"{path}/{n}", arrays, names) for n, each in enumerate(value)]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, str | int | float):
        return value
    raise TypeError(f"{path} is a {type(value).__name__}, which cannot be stored in a file")


def rebuild(tree: Any, array: Callable[[str, np.dtype[Any], list[int]], Array], records: Records) -> Any:
    """Return the value that ``flatten`` turned into ``tree``; ``array`` returns the array of a name, type and shape.

    Raises ``ValueError`` for a record that is not among ``records``, or has other fields.
    """
    read: dict[str, Array] = {}

    def read_once(path: str, kind: np.dtype[Any], shape: list[int]) -> Array:
        if path not in read:
            read[path] = array(path, kind, shape)
        if read[path].dtype != kind or read[path].shape != tuple(shape):
            raise ValueError(f"{path} should be {kind} of shape {shape}")
        return read[path]

    return _rebuild(tree, read_once, records)


def _rebuild(tree: Any, array: Callable[[str, np.dtype[Any], list[int]], Array], records: Records) -> Any:
    if not isinstance(tree, dict):
        return tree
    (kind, content), *_ = tree.items()
    if kind in ("tensor", "array"):
        given = array(content, _numeric_type(tree["dtype"]), tree["shape"])
        return torch.from_numpy(given) if kind == "tensor" else given
    if kind == "record":
        if (name := current_name(content)) not in records:
            raise ValueError(f"{content} is not a record of such a memory")
        values = {name: _rebuild(each, array, records) for name, each in tree["fields"].items()}
        return build_record(records[name], values)
    if kind == "counter":
        return Counter(content)
    if kind == "pairs":
        return {key: _rebuild(each, array, records) for key, each in content}
    if kind == "float":
        return float(content)
    items = [_rebuild(each, array, records) for each in content]
    return tuple(items) if kind == "tuple" else items


def _numeric_type(kind: str) -> np.dtype[Any]:
    found = np.dtype(kind)
    if found.kind not in "biuf":
        raise ValueError(f"an array of {kind}")
    return found


def split(path: str, array: Array | Rows) -> Any:
    """Return an array with its parts along the first axis."""
    if isinstance(array, Rows):
        return array if array.nbytes > SINGLE_PART else np.asarray(array)[np.newaxis]
    parts = array
    if array.nbytes <= SINGLE_PART or array.ndim < 2:
        parts = array[np.newaxis]
    elif _columns_last(path):
        parts = array.transpose(array.ndim - 1, *range(array.ndim - 1))
    return parts


def join(path: str, kind: np.dtype[Any], shape: list[int], parts: Mapping[int, bytes]) -> Array:
    """Return the array whose parts have these bytes; raise ``ValueError`` where they do not fit its shape."""
    blank = split(path, np.broadcast_to(np.zeros((), kind), shape))  # allocates nothing, whatever shape a file claims
    if not blank.size:
        return np.empty(shape, kind)
    if len(parts) != len(blank) or sorted(parts) != list(range(len(parts))):
        raise ValueError(f"{path} has {len(parts)} parts of {len(blank)}")
    out: Array = np.stack([np.frombuffer(parts[part], kind).reshape(blank.shape[1:]) for part in range(len(blank))])
    if len(blank) == 1 and out.shape[1:] == tuple(shape):
        return out.reshape(shape)
    return np.ascontiguousarray(np.moveaxis(out, 0, -1)) if _columns_last(path) else out


def changed_parts(path: str, old: Array | Rows | None, new: Array | Rows) -> list[int]:
    """Return the indices of the parts of ``new`` that differ from those of ``old``."""
    if new is old or not new.nbytes:
        return []
    after = split(path, new)
    every = list(range(len(after)))
    if old is None or old.dtype != new.dtype or not old.nbytes:
        return every
    before = split(path, old)
    if before.shape[1:] != after.shape[1:]:
        return every
    both = min(len(before), len(after))
    if isinstance(before, Rows) and isinstance(after, Rows):
        return after.changed_since(before)
    differ = (np.asarray(before[:both]) != np.asarray(after[:both])).reshape(both, -1).any(1)
    return [*np.flatnonzero(differ).tolist(), *every[both:]]


def _columns_last(path: str) -> bool:
    return "/held/" in path
