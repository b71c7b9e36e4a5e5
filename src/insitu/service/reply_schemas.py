"""What comes back, as pydantic models; OpenAPI is made of them. The answers themselves are made in ``views``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Counts = dict[str, int]


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Field(description="one sentence: what is wrong, and what to do")]


class Health(BaseModel):
    """That the service is there."""

    status: Literal["ok"]
    version: str


class Class(BaseModel):
    """A class that is known."""

    label: str
    examples: int


class Energy(BaseModel):
    """Estimated energy, nJ."""

    spent: float
    query: float


class Bounds(BaseModel):
    """What a request may be."""

    body_bytes: int
    image_bytes: int
    image_pixels: int
    batch: int
    label: int


class About(BaseModel):
    """What a memory is, holds and has spent."""

    input: Literal["image", "vector"]
    backbone: str | None
    features: int | None
    dim: int
    substrate: str
    compensation: str | None
    cells: bool
    kept_in_file: bool
    events: int
    now_s: float
    classes: list[Class]
    spent: Counts
    query: Counts
    energy_nj: Energy
    limits: Bounds


class Side(BaseModel):
    """The two sides of a class, µS per row."""

    plus_us: list[float]
    minus_us: list[float]


class Pulses(BaseModel):
    """SET pulses that every device got."""

    plus: list[int]
    minus: list[int]


class Written(BaseModel):
    """What an event did to the devices of a class."""

    label: str
    before: Side | None
    after: Side
    pulses: Pulses
    reset: bool


class Forgotten(BaseModel):
    """An event: its number, the classes after it, what it spent."""

    event: int
    classes: list[Class]
    spent: Counts
    energy_nj: float


class Taught(Forgotten):
    """An event of teaching."""

    cells: list[Written] | None = None


class Score(BaseModel):
    """How similar a class is, and how probable that makes it among all classes."""

    label: str
    similarity: float
    probability: float


class Prediction(BaseModel):
    """The most similar class, and the ``top_k`` most similar ones."""

    label: str
    scores: list[Score]


class Predictions(BaseModel):
    """One prediction per picture or vector."""

    predictions: list[Prediction]
    classes: Annotated[int, Field(description="how many were compared")]
    query: Counts
    energy_nj: float


class Cells(Side):
    """The devices of a class."""

    label: str
    rows: int
    now_s: float
    full_scale_us: float


class Judged(BaseModel):
    """How well examples are recognised."""

    accuracy: float
    confidence: float
    scores: list[Score] | None = None


class Then(BaseModel):
    """What the memory will say, with and without compensation of drift."""

    seconds: float
    examples: int
    mean_us: float | None
    with_: Annotated[Judged | None, Field(alias="with")]
    without: Judged


class Drawings(BaseModel):
    """A class with drawings to teach and drawings to query, as data URLs."""

    label: str
    images: list[str]
    ask: list[str]


class DrawingSet(BaseModel):
    """Characters that go together."""

    name: str
    classes: list[Drawings]


class Examples(BaseModel):
    """Handwritten characters to try."""

    sets: list[DrawingSet]
