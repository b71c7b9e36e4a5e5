"""What scenarios refuse before anything is read: unknown data and data sets."""

from __future__ import annotations

from dataclasses import MISSING, fields

from insitu import catalog
from insitu.core import InsituError


def check_data(data: str) -> None:
    """Raise ``InsituError`` unless ``data`` is ``package`` or ``images``."""
    if data not in ("package", "images"):
        raise InsituError(f"data is 'package' or 'images'; got {data!r}")


def check_data_set(name: str, few_shot: bool = False) -> None:
    """Raise ``InsituError`` unless ``name`` is a data set that needs no fields; list those that there are."""
    known = {part.name: catalog.load(part) for part in catalog.parts("data")}
    complete = {n for n, kind in known.items() if all(_has_default(field) for field in fields(kind))}
    fit = sorted(n for n in complete if known[n].few_shot or not few_shot)
    if name not in fit:
        raise InsituError(
            f"data_set is one of {', '.join(fit)}{', which have sessions of new classes' * few_shot}; got {name!r}"
        )


def _has_default(field: object) -> bool:
    return (
        getattr(field, "default", MISSING) is not MISSING or getattr(field, "default_factory", MISSING) is not MISSING
    )
