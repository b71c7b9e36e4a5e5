"""A record as plain data, and the key under which its results are stored."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import insitu
from insitu import catalog
from insitu.core import cache_folder
from insitu.experiments import Experiment

DESCRIPTION = {
    "paper",
    "claims",
    "verified",
    "names",
    "combined",
}  # fields that describe an experiment and change no row

OUTSIDE = ("cli", "engines", "report", "service")  # rooms that compute no row


def composition(record: object, leave_out: Set[str] = frozenset()) -> dict[str, Any]:
    """Return a record as nested ``{"type", "fields"}``; callables by name, paths by their last part only."""
    fields = dataclasses.fields(record)  # type: ignore[arg-type]
    shown = {f.name: _plain(getattr(record, f.name)) for f in fields if f.name not in leave_out}
    return {"type": type(record).__name__, "fields": shown}


def changes(before: Any, after: Any, path: str = "") -> list[dict[str, str]]:
    """Return where two compositions differ: ``{"field", "before", "after"}``, outermost first."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [] if before == after else [{"field": path, "before": text(before), "after": text(after)}]
    if before["type"] != after["type"]:
        return [{"field": path, "before": before["type"], "after": after["type"]}]
    out = []
    for name, value in after["fields"].items():
        out += changes(before["fields"].get(name), value, f"{path}.{name}" if path else name)
    return out


def key(experiment: Experiment, data: str) -> str:
    """Return the key of the results of this composition on this data with the present code.

    The number of seeds and the claims are no part of it, since they change no row. The code is, with the weights and
    embeddings that ship with it, weights trained on this machine and the user's own files; only the rooms that compute
    no row (``OUTSIDE``) are left out.
    """
    shape = composition(experiment, DESCRIPTION | {"seeds"})
    text = json.dumps([shape, data, inputs(experiment), _trained(shape), _package_digest()], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def inputs(record: object) -> str:
    """Return a digest of the user's own files that a record names; '' where it names none.

    A file contributes its bytes, a folder the names, sizes and times of all files in it.
    """
    digest, named = hashlib.blake2b(digest_size=8), False
    for path in _paths(record):
        named = True
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if path.is_dir():
                about = file.stat()
                digest.update(f"{file.relative_to(path)} {about.st_size} {about.st_mtime_ns}\n".encode())
            elif file.is_file():
                digest.update(file.read_bytes())
    return digest.hexdigest() if named else ""


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _paths(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _paths(getattr(value, field.name))


def _trained(shape: Any) -> list[str]:
    """Return the digests of weights trained on this machine that a composition names."""
    if isinstance(shape, dict):
        return [digest for value in shape.values() for digest in _trained(value)]
    if isinstance(shape, list):
        return [digest for value in shape for digest in _trained(value)]
    if not (isinstance(shape, str) and re.fullmatch(r"[\w.-]{1,100}", shape)):
        return []
    file = cache_folder() / "training" / shape / f"{shape}.safetensors"
    return [hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()] if file.is_file() else []


def _package_digest() -> str:
    digest = hashlib.blake2b(digest_size=16)
    for root in (Path(insitu.__file__).parent, *catalog.own_roots()):
        for file in sorted(_files(root)):
            digest.update(str(file.relative_to(root)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for file in root.rglob("*"):
        inside = file.relative_to(root).parts
        if file.is_file() and inside[0] not in OUTSIDE and "__pycache__" not in inside:
            yield file


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return composition(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return value.name
    return getattr(value, "__qualname__", None) or str(value)


def text(value: Any) -> str:
    """Write a value of a composition: a part by its type, a variant by its name."""
    if isinstance(value, dict):
        return str(value["fields"]["name"] if value["type"] == "Variant" else value["type"])
    if isinstance(value, list):
        return (" " if not any(isinstance(item, dict) for item in value) else "; ").join(map(text, value))
    return str(value)
