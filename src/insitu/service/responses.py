"""What a memory is, answers and looks like, as JSON. Energy is in nanojoules, conductance in µS."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.ledger import Ledger
from insitu.memory import Memory
from insitu.memory.query import Columns, Recall
from insitu.service.errors import Refusal
from insitu.service.labels import LONGEST, Ambiguous, found
from insitu.service.limits import Limits
from insitu.substrates.crossbar import Crossbar

Json = dict[str, Any]


def now(memory: Memory) -> Memory | None:
    """Return the memory as it is, not to change while it is looked at; None where it was taught nothing yet."""
    return memory.later(0) if hasattr(memory, "classes_") else None


def known(memory: Memory, name: str) -> Any:
    """Return the label of a class as the memory keeps it: in a file of one's own it may be a number."""
    seen = now(memory)
    try:
        label = found([] if seen is None else seen.classes_.tolist(), name)
    except Ambiguous as error:
        raise Refusal(409, str(error)) from None
    if label is None:
        raise Refusal(409, "the memory holds no class of this name; see /api/memory for those it holds")
    return label


def about(memory: Memory, kept: bool, limits: Limits) -> Json:
    """Return all that the page shows of a memory before anything is asked; ``kept`` tells whether it has a file."""
    seen, settings = now(memory), memory.settings
    substrate, image = settings.substrate, settings.backbone is not None
    device = getattr(substrate, "device", None)
    spent, query = (Ledger(), Ledger()) if seen is None else (seen.cost(), seen.query_cost())
    return {
        "input": "image" if image else "vector",
        "backbone": settings.backbone,
        "features": None if image or seen is None else seen.n_features_in_,
        "dim": settings.dim,
        "substrate": type(substrate).__name__.lower() + (f" of {type(device).__name__}" if device else ""),
        "compensation": compensation(memory),
        "cells": has_cells(memory),
        "kept_in_file": kept,
        "events": 0 if seen is None else seen.events_,
        "now_s": 0.0 if seen is None else seen.now_s_,
        "classes": classes(seen),
        "spent": dict(spent.counts),
        "query": dict(query.counts),
        "energy_nj": {"spent": energy_nj(spent), "query": energy_nj(query)},
        "limits": {
            "body_bytes": limits.body_bytes,
            "image_bytes": limits.image_bytes,
            "image_pixels": limits.image_pixels,
            "batch": limits.batch,
            "label": LONGEST,
        },
    }


def compensation(memory: Memory) -> str | None:
    """Return how drift is compensated, None where it is not."""
    how = getattr(memory.settings.substrate, "compensation", "none")
    return None if how == "none" else str(how)


def has_cells(memory: Memory) -> bool:
    """Return whether there are devices to look at."""
    return isinstance(memory.settings.substrate, Crossbar)


def classes(seen: Memory | None) -> list[Json]:
    """Return the classes with the number of their examples."""
    if seen is None:
        return []
    pairs = zip(seen.classes_.tolist(), seen.class_count_.tolist(), strict=True)
    return [{"label": str(label), "examples": count} for label, count in pairs]


def energy_nj(spent: Ledger) -> float:
    """Return the estimated energy."""
    return round(spent.energy_pj() / 1e3, 3)


def answers(recall: Recall, top_k: int) -> list[list[Json]]:
    """Return the ``top_k`` most similar classes for every row, the most similar first."""
    if not np.isfinite(recall.similarities).all():
        raise Refusal(422, "these numbers are too far from all that was taught to be compared")
    order = np.argsort(-recall.similarities, axis=1, kind="stable")[:, :top_k]
    similarities, shares = (np.take_along_axis(each, order, 1) for each in (recall.similarities, recall.probabilities))
    rows = zip(order.tolist(), similarities.tolist(), shares.tolist(), strict=True)
    return [
        [
            {"label": str(recall.labels[k]), "similarity": round(similarity, 5), "probability": round(share, 6)}
            for k, similarity, share in zip(*row, strict=True)
        ]
        for row in rows
    ]


def predictions(memory: Memory, recall: Recall, top_k: int) -> Json:
    """Return the answer to every row, and what they took together."""
    every = answers(recall, top_k)
    query = Ledger(Counter({name: count * len(every) for name, count in memory.query_cost().counts.items()}))
    return {
        "predictions": [{"label": ranked[0]["label"], "scores": ranked} for ranked in every],
        "classes": len(recall.labels),
        "query": dict(query.counts),
        "energy_nj": energy_nj(query),
    }


def microsiemens(values: NDArray[np.float32]) -> list[float]:
    """Return conductances with two decimals."""
    return [round(value, 2) for value in values.tolist()]


def cells(columns: Columns, place: int) -> Json:
    """Return the two sides of one class."""
    plus, minus = (microsiemens(side) for side in columns.conductances_us[:, :, place])
    return {"plus_us": plus, "minus_us": minus}


def written(label: str, before: Columns | None, after: Columns, place: int) -> Json:
    """Return what an event did to one class: ``before`` is of it alone, ``after`` has what was given since then."""
    plus, minus = after.pulses[:, :, place].tolist()
    return {
        "label": label,
        "before": None if before is None else cells(before, 0),
        "after": cells(after, place),
        "pulses": {"plus": plus, "minus": minus},
        "reset": bool(after.resets[place]),
    }
