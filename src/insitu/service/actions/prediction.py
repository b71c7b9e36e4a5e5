"""Predictions now, and with older devices. Neither changes the memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from insitu.ledger import Ledger
from insitu.memory import Memory
from insitu.memory.query import QueryResult
from insitu.service.actions import Subject, items, views
from insitu.service.actions.checks import check_features, no_class, require_classes
from insitu.service.actions.views import Json


def check(memory: Memory, x: NDArray[Any]) -> None:
    """Raise ``HTTPException`` where the memory holds no class, or takes other vectors."""
    if not len(getattr(memory, "classes_", ())):
        raise no_class()
    check_features(memory, x)


def predictions(result: QueryResult, cost: Ledger, top_k: int) -> Json:
    """Return the predictions for all rows of a result; ``cost`` is that of one."""
    rows = _scores(result, top_k)
    spent = cost * len(rows)
    shares = [None] * len(rows) if result.familiarity is None else result.familiarity.round(4).tolist()
    return {
        "predictions": [
            {"label": str(label), "familiarity": share, "scores": scores}
            for label, share, scores in zip(result.predictions.tolist(), shares, rows, strict=True)
        ],
        "classes": len(result.classes),
        "query": dict(spent.counts),
        "energy_nj": views.energy_nj(spent),
    }


def ahead(subject: Subject, seconds: float, given: items.Given | None, top_k: int) -> Json:
    """Test the memory as it will be at a later time."""
    memory = subject.memory
    x = None if given is None else items.decode(memory, given, subject.limits)
    current = require_classes(memory)
    check_features(current, x)
    compensated = views.compensation(memory) is not None
    later = current.projected(seconds)
    examples, test = _self_test(later, x, top_k)
    columns = later.columns(later.classes_)
    bare = _self_test(current.projected(seconds, compensated=False), x, top_k)[1] if compensated else test
    return {
        "seconds": seconds,
        "examples": examples,
        "mean_us": None if columns is None else round(float(columns.conductances_us.mean()), 4),
        "with": test if compensated else None,
        "without": bare,
    }


def _scores(result: QueryResult, top_k: int) -> list[list[Json]]:
    """Return the ``top_k`` most similar classes for every row, the most similar first."""
    similarities, probabilities = result.similarities, result.probabilities
    if not np.isfinite(similarities).all():
        raise HTTPException(422, "these numbers are too far from the examples taught to be compared")
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :top_k]
    values = (np.take_along_axis(each, order, 1) for each in (similarities, probabilities))
    ranked = zip(order.tolist(), *(each.tolist() for each in values), strict=True)
    return [
        [
            {"label": str(result.classes[k]), "similarity": round(similarity, 5), "probability": round(probability, 6)}
            for k, similarity, probability in zip(*row, strict=True)
        ]
        for row in ranked
    ]


def _self_test(memory: Memory, x: NDArray[Any] | None, top_k: int) -> tuple[int, Json]:
    result, labels = memory.self_test()
    out: Json = {
        "accuracy": round(float((result.predictions == labels).mean()), 4),
        "confidence": round(float(result.probabilities.max(1).mean()), 4),
        "similarity": round(float(result.similarities.max(1).mean()), 4),
    }
    if x is not None:
        out["scores"] = _scores(memory.query(x), top_k)[0]
    return len(labels), out
