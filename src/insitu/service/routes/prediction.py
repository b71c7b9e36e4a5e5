"""POST /api/predict and /api/ahead: predictions now, and with older devices. Neither changes the memory."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Self

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.exceptions import HTTPException
from starlette.responses import Response

from insitu.core import LONGEST_S
from insitu.ledger import Ledger
from insitu.memory import Memory
from insitu.memory.query import QueryResult
from insitu.service import schemas
from insitu.service.context import Context, check_features, require_classes
from insitu.service.errors import AsciiResponse
from insitu.service.openapi import errors
from insitu.service.schemas import TOP_K, Body, Counts, ImageUrl, Items, Json, TopK, Vector, exactly_one


class Query(Items):
    """Images or vectors to classify."""

    top_k: TopK = TOP_K


class Ahead(Body):
    """A time ahead, and optionally an image or vector to classify then."""

    model_config = ConfigDict(
        json_schema_extra={"not": {"allOf": [*exactly_one("image"), *exactly_one("vector")]}},
    )

    seconds: Annotated[float, Field(strict=True, ge=0, le=LONGEST_S, allow_inf_nan=False)]
    image: ImageUrl | None = None
    vector: Vector | None = None
    top_k: TopK = TOP_K

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.image is not None and self.vector is not None:
            raise ValueError("give one of image and vector, or neither")
        return self

    @property
    def item(self) -> Items | None:
        """The image or vector."""
        if self.image is None and self.vector is None:
            return None
        return Items(image=self.image, vector=self.vector)


class Score(BaseModel):
    """Similarity to a class, and its probability among all classes."""

    label: str
    similarity: float
    probability: float


class Prediction(BaseModel):
    """The most similar class or the answer for unknown items, and the ``top_k`` most similar classes."""

    label: str
    familiarity: Annotated[float | None, Field(description="share of left-out known examples that were no closer")]
    scores: list[Score]


class Predictions(BaseModel):
    """One prediction per image or vector."""

    predictions: list[Prediction]
    classes: Annotated[int, Field(description="number of classes compared")]
    query: Counts
    energy_nj: float


class SelfTest(BaseModel):
    """Accuracy and mean confidence on the stored examples."""

    accuracy: float
    confidence: float
    scores: list[Score] | None = None


class Projection(BaseModel):
    """The self-test at a later time, with and without drift compensation."""

    seconds: float
    examples: int
    mean_us: float | None
    with_: Annotated[SelfTest | None, Field(alias="with")]
    without: SelfTest


def add(app: FastAPI, context: Context) -> None:
    """Add the routes."""
    scheduler = context.scheduler

    @app.post("/api/predict", response_model=Predictions, responses=errors(409))
    async def predict(sent: Query) -> Response:
        """Classify images or vectors."""
        x = await context.decode(sent)
        check_features(require_classes(scheduler.memory), x)
        result = await scheduler.query(x)
        return AsciiResponse(_predictions(scheduler.memory, result, sent.top_k))

    @app.post("/api/ahead", response_model=Projection, responses=errors(409))
    async def ahead(sent: Ahead) -> Response:
        """Test the memory as it will be at a later time; nothing changes."""
        x = None if sent.item is None else await context.decode(sent.item)
        return AsciiResponse(await scheduler.read(lambda: _ahead(scheduler.memory, sent.seconds, x, sent.top_k)))


def _predictions(memory: Memory, result: QueryResult, top_k: int) -> Json:
    rows = _scores(result, top_k)
    cost = Ledger(Counter({name: count * len(rows) for name, count in memory.query_cost().counts.items()}))
    shares = [None] * len(rows) if result.familiarity is None else result.familiarity.round(4).tolist()
    return {
        "predictions": [
            {"label": str(label), "familiarity": share, "scores": scores}
            for label, share, scores in zip(result.predictions.tolist(), shares, rows, strict=True)
        ],
        "classes": len(result.classes),
        "query": dict(cost.counts),
        "energy_nj": schemas.energy_nj(cost),
    }


def _scores(result: QueryResult, top_k: int) -> list[list[Json]]:
    """Return the ``top_k`` most similar classes for every row, the most similar first."""
    if not np.isfinite(result.similarities).all():
        raise HTTPException(422, "these numbers are too far from the examples taught to be compared")
    order = np.argsort(-result.similarities, axis=1, kind="stable")[:, :top_k]
    values = (np.take_along_axis(each, order, 1) for each in (result.similarities, result.probabilities))
    rows = zip(order.tolist(), *(each.tolist() for each in values), strict=True)
    return [
        [
            {"label": str(result.classes[k]), "similarity": round(similarity, 5), "probability": round(probability, 6)}
            for k, similarity, probability in zip(*row, strict=True)
        ]
        for row in rows
    ]


def _ahead(memory: Memory, seconds: float, x: NDArray[Any] | None, top_k: int) -> Json:
    current = require_classes(memory)
    check_features(current, x)
    compensated = schemas.compensation(memory) is not None
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


def _self_test(memory: Memory, x: NDArray[Any] | None, top_k: int) -> tuple[int, Json]:
    result, labels = memory.self_test()
    out: Json = {
        "accuracy": round(float((result.predictions == labels).mean()), 4),
        "confidence": round(float(result.probabilities.max(1).mean()), 4),
    }
    if x is not None:
        out["scores"] = _scores(memory.query(x), top_k)[0]
    return len(labels), out
