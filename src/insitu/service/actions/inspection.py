"""The memory as a whole, the devices of a class, and drawings to start with."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from insitu.ledger import Ledger
from insitu.memory.settings import Settings
from insitu.service import sample_drawings
from insitu.service.actions import Subject, views
from insitu.service.actions.checks import require_classes, require_label, snapshot
from insitu.service.actions.views import Json
from insitu.service.labels import LONGEST_LABEL
from insitu.service.limits import Limits

LIMITS = ("body_bytes", "image_bytes", "image_pixels", "sound_bytes", "sound_s", "batch")


def describe(subject: Subject) -> Json:
    """Return what the memory is, holds and has spent."""
    memory, limits = subject.memory, subject.limits
    current, settings = snapshot(memory), memory.settings
    substrate = settings.substrate
    device = getattr(substrate, "device", None)
    spent, query = (Ledger(), Ledger()) if current is None else (current.cost(), current.query_cost())
    return {
        "input": _input(settings),
        "encoder": None if settings.encoder is None else settings.encoder.name,
        "features": None if settings.encoder or current is None else current.n_features_in_,
        "dim": settings.dim,
        "substrate": type(substrate).__name__.lower() + (f" of {type(device).__name__}" if device else ""),
        "compensation": views.compensation(memory),
        "cells": views.has_devices(memory),
        "kept_in_file": memory._store is not None,
        "corrections": True,
        "familiarity": True,
        "events": 0 if current is None else current.events_,
        "now_s": 0.0 if current is None else current.now_s_,
        "classes": views.classes(current),
        "class_count": 0 if current is None else len(current.classes_),
        "spent": dict(spent.counts),
        "query": dict(query.counts),
        "energy_nj": {"spent": views.energy_nj(spent), "query": views.energy_nj(query)},
        "limits": request_limits(limits),
    }


def request_limits(limits: Limits) -> Json:
    """Return the limits of a request."""
    return {**{name: getattr(limits, name) for name in LIMITS}, "label": LONGEST_LABEL}


def _input(settings: Settings) -> str:
    """Return what an item is to a user."""
    encoder = settings.encoder
    if encoder is not None and encoder.kind == "images":
        return "drawing" if encoder.takes.endswith("grey") else "photo"
    return "sound" if encoder is not None and encoder.kind == "sounds" else "vector"


def cells(subject: Subject, name: str) -> Json:
    """Return the devices of a class."""
    memory = subject.memory
    if not views.has_devices(memory):
        raise HTTPException(404, "the substrate of this memory has no devices")
    current = require_classes(memory)
    label = require_label(current, name)
    columns = current.columns([label])
    assert columns is not None
    sides = views.conductances(columns, 0)
    rows = {"label": str(label), "rows": len(sides["plus_us"]), "now_s": current.now_s_}
    return rows | sides | {"full_scale_us": columns.full_scale_us}


def examples(subject: Subject) -> Json:
    """Return drawings of made-up characters."""
    return sample_drawings.examples()
