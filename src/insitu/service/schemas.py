"""What several routes send or receive, as pydantic models; each route adds its own next to its handler.

Energy is in nJ, conductance in µS.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

Counts = dict[str, int]

LARGEST = 1e9  # of a component: its square still fits into the arithmetic of the array
FEATURES = 16_384
MOST_ITEMS = 1024  # of a list, before the server's own limit is checked
MOST_FIELDS = 16  # of a body; no request has that many
TOP_K, MOST_TOP_K = 100, 1_000_000

NewLabel = Annotated[
    str, Field(description="a known class, or a new name of 1 to 64 characters without control characters")
]
KnownLabel = Annotated[str, Field(description="a known class")]
Component = Annotated[float, Field(strict=True, ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Vector = Annotated[list[Component], Field(min_length=1, max_length=FEATURES, fail_fast=True)]
DATA_URL = r"^data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+={0,2}$"  # described; checked in ``image_decoding``
ImageUrl = Annotated[
    str, Field(description="data:image/png;base64,... (or jpeg, webp, gif)", json_schema_extra={"pattern": DATA_URL})
]
SOUND_URL = r"^data:audio/(wav|x-wav|wave);base64,[A-Za-z0-9+/]+={0,2}$"
SoundUrl = Annotated[
    str, Field(description="data:audio/wav;base64,... of a WAV file", json_schema_extra={"pattern": SOUND_URL})
]
TopK = Annotated[int, Field(strict=True, ge=1, le=MOST_TOP_K, description="number of the most similar classes")]

ITEMS = ("image", "images", "sound", "sounds", "vector", "vectors")


def exactly_one(*names: str) -> list[JsonValue]:
    """Return JSON schema alternatives: one of these fields is present and not null."""
    return [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]


ONE_KIND, ONE_LABEL = exactly_one(*ITEMS), exactly_one("label", "labels")


class Body(BaseModel):
    """A request body without unknown fields."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, data: Any) -> Any:
        # each unknown field would be an error of its own, and a body has room for hundreds of thousands
        if isinstance(data, dict) and len(data) > MOST_FIELDS:
            raise ValueError(f"a body has at most {MOST_FIELDS} fields; got {len(data)}")
        return data


class Items(Body):
    """Images, sounds or vectors, one or many, of one kind."""

    model_config = ConfigDict(json_schema_extra={"oneOf": ONE_KIND})

    image: ImageUrl | None = None
    images: Annotated[list[ImageUrl], Field(min_length=1, max_length=MOST_ITEMS, fail_fast=True)] | None = None
    sound: SoundUrl | None = None
    sounds: Annotated[list[SoundUrl], Field(min_length=1, max_length=MOST_ITEMS, fail_fast=True)] | None = None
    vector: Vector | None = None
    vectors: Annotated[list[Vector], Field(min_length=1, max_length=MOST_ITEMS, fail_fast=True)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ITEMS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give one of {', '.join(ITEMS[:-1])} and {ITEMS[-1]}; got {' and '.join(given) or 'none'}"
            )
        if self.vectors is not None and len({len(vector) for vector in self.vectors}) > 1:
            raise ValueError("vectors have the same number of components")
        return self

    @property
    def all_images(self) -> list[str] | None:
        """All images as data URLs, None where there are other items."""
        return [self.image] if self.image is not None else self.images

    @property
    def all_sounds(self) -> list[str] | None:
        """All sounds as data URLs, None where there are other items."""
        return [self.sound] if self.sound is not None else self.sounds

    @property
    def all_vectors(self) -> list[list[float]] | None:
        """All vectors, None where there are other items."""
        return [self.vector] if self.vector is not None else self.vectors


class Class(BaseModel):
    """A class of the memory."""

    label: str
    examples: int


class Conductances(BaseModel):
    """Conductances of both signs of a class, µS per row."""

    plus_us: list[float]
    minus_us: list[float]
