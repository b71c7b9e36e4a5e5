"""What may be sent, and what comes back, as pydantic models; OpenAPI is made of them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from insitu.app.server.names import named
from insitu.core import LONGEST_S

LARGEST = 1e9  # of a component: its square still fits into the arithmetic of the array
FEATURES = 16_384
MANY = 1024  # items of a list before the limit of the server is looked at
FIELDS = 16  # of a body; no kind has as many

Name = Annotated[str, AfterValidator(named), Field(description="1 to 64 characters, none of them a control character")]
Component = Annotated[float, Field(strict=True, ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Vector = Annotated[list[Component], Field(min_length=1, max_length=FEATURES, fail_fast=True)]
Picture = Annotated[str, Field(description="data:image/png;base64,... (or jpeg, webp, gif)")]
Counts = dict[str, int]


class Sent(BaseModel):
    """What is sent has the fields that it may have and no other."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, data: Any) -> Any:
        # each field that is not known would be an error of its own, and a body has room for hundreds of thousands
        if isinstance(data, dict) and len(data) > FIELDS:
            raise ValueError(f"a body has at most {FIELDS} fields; got {len(data)}")
        return data


class Asked(Sent):
    """Pictures or vectors, one or many, but one kind of them."""

    image: Picture | None = None
    images: Annotated[list[Picture], Field(min_length=1, max_length=MANY, fail_fast=True)] | None = None
    vector: Vector | None = None
    vectors: Annotated[list[Vector], Field(min_length=1, max_length=MANY, fail_fast=True)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("image", "images", "vector", "vectors") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of image, images, vector and vectors; got {' and '.join(given) or 'none'}")
        if self.vectors is not None and len({len(vector) for vector in self.vectors}) > 1:
            raise ValueError("vectors have the same number of components")
        return self

    @property
    def pictures(self) -> list[str] | None:
        """All pictures, None where there are vectors."""
        return [self.image] if self.image is not None else self.images

    @property
    def rows(self) -> list[list[float]] | None:
        """All vectors, None where there are pictures."""
        return [self.vector] if self.vector is not None else self.vectors


class Teach(Asked):
    """Examples with their names."""

    label: Name | None = None
    labels: Annotated[list[Name], Field(min_length=1, max_length=MANY, fail_fast=True)] | None = None
    cells: Annotated[bool, Field(description="also return the devices before and after")] = False

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        items = self.pictures or self.rows or []
        if (self.label is None) == (self.labels is None) or len(self.names) != len(items):
            raise ValueError("give 'label' with one picture or vector, or 'labels' with as many")
        return self

    @property
    def names(self) -> list[str]:
        """A name for every item."""
        return [self.label] if self.label is not None else self.labels or []


class Forget(Sent):
    """The name of a class."""

    label: Name


class Ahead(Sent):
    """How far to look ahead, and a picture or vector to be judged then."""

    seconds: Annotated[float, Field(strict=True, ge=0, le=LONGEST_S, allow_inf_nan=False)]
    image: Picture | None = None
    vector: Vector | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.image is not None and self.vector is not None:
            raise ValueError("give one of image and vector, or neither")
        return self


class Class(BaseModel):
    """A class that is known."""

    label: str
    examples: int


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
    """How similar a class is, and how probable that makes it."""

    label: str
    similarity: float
    probability: float


class Prediction(BaseModel):
    """The most similar class, and all of them."""

    label: str
    scores: list[Score]


class Predictions(BaseModel):
    """One prediction per picture or vector."""

    predictions: list[Prediction]
    query: Counts
    energy_nj: float


class Cells(Side):
    """The devices of a class."""

    label: str
    rows: int
    now_s: float
    full_scale_us: float


class Judged(BaseModel):
    """How well examples are known again."""

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
