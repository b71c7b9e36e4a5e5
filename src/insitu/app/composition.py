"""A record as plain data, and the key under which its results are kept."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import insitu
from insitu.experiments import Experiment

DESCRIPTION = {"paper", "claims", "verified", "names"}  # what is said about an experiment, not what it does


def composition(record: object, leave_out: Set[str] = frozenset()) -> dict[str, Any]:
    """Return a record as nested ``{"type", "fields"}``; callables by name, paths by their last part only."""
    fields = dataclasses.fields(record)  # type: ignore[arg-type]
    shown = {f.name: _plain(getattr(record, f.name)) for f in fields if f.name not in leave_out}
    return {"type": type(record).__name__, "fields": shown}


def changes(before: Any, after: Any, path: str = "") -> list[dict[str, str]]:
    """Return where two compositions differ: ``{"field", "before", "after"}``, outermost first."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [] if before == after else [{"field": path, "before": _text(before), "after": _text(after)}]
    if before["type"] != after["type"]:
        return [{"field": path, "before": before["type"], "after": after["type"]}]
    out = []
    for name, value in after["fields"].items():
        out += changes(before["fields"].get(name), value, f"{path}.{name}" if path else name)
    return out


def key(experiment: Experiment, data: str) -> str:
    """Return the name of the results of this composition on this data with this very code.

    Neither the number of seeds nor the claims belong to it: they change no row. The code does, with the weights and
    embeddings that ship with it; only the outside (``app``), which computes nothing, is left out.
    """
    shape = composition(experiment, DESCRIPTION | {"seeds"})
    text = json.dumps([shape, data, _package_digest()], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _package_digest() -> str:
    root = Path(insitu.__file__).parent
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(_files(root)):
        digest.update(str(file.relative_to(root)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for file in root.rglob("*"):
        inside = file.relative_to(root).parts
        if file.is_file() and inside[0] != "app" and "__pycache__" not in inside:
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


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value["type"])
    return " ".join(map(_text, value)) if isinstance(value, list) else str(value)
