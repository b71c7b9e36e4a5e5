"""POST /api/predict and /api/ahead: predictions now, and with older devices. Neither changes the memory."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Self

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from insitu.core import LONGEST_S
from insitu.service.context import Context, plain
from insitu.service.openapi import errors
from insitu.service.schemas import TOP_K, Body, Counts, ImageUrl, Items, SoundUrl, TopK, Vector, exactly_one

AHEAD_ITEMS = ("image", "sound", "vector")


class Query(Items):
    """Images, sounds or vectors to classify."""

    top_k: TopK = TOP_K
    familiarity: Annotated[bool, Field(strict=True, description="also return the familiarity of each item")] = False


class Ahead(Body):
    """A time ahead, and optionally an item to classify then."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"anyOf": [{"allOf": exactly_one(*pair)} for pair in itertools.combinations(AHEAD_ITEMS, 2)]}
        },
    )

    seconds: Annotated[float, Field(strict=True, ge=0, le=LONGEST_S, allow_inf_nan=False)]
    image: ImageUrl | None = None
    sound: SoundUrl | None = None
    vector: Vector | None = None
    top_k: TopK = TOP_K

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self._given()) > 1:
            raise ValueError("give one of image, sound and vector, or none")
        return self

    @property
    def item(self) -> Items | None:
        """The image, sound or vector."""
        given = self._given()
        return Items(**given) if given else None

    def _given(self) -> dict[str, Any]:
        return {name: item for name in AHEAD_ITEMS if (item := getattr(self, name)) is not None}


class Score(BaseModel):
    """Similarity to a class, and its probability among all classes."""

    label: str
    similarity: float
    probability: Annotated[float | None, Field(description="null of a sharded memory")]


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
    energy_nj: Annotated[float | None, Field(description="null where it is not counted")]


class SelfTest(BaseModel):
    """Accuracy and mean confidence on the stored examples."""

    accuracy: float
    confidence: float
    similarity: float
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

    @app.post("/api/predict", response_model=Predictions, responses=errors(409))
    async def predict(request: Request, sent: Query) -> Response:
        """Classify images, sounds or vectors."""
        return await context.memory(request).query(sent, sent.top_k, sent.familiarity)

    @app.post("/api/ahead", response_model=Projection, responses=errors(409))
    async def ahead(request: Request, sent: Ahead) -> Response:
        """Test the memory as it will be at a later time; nothing changes."""
        item = None if sent.item is None else plain(sent.item)
        return await context.memory(request).read("prediction.ahead", sent.seconds, item, sent.top_k)
