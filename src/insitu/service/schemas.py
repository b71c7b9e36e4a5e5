"""What may be sent, as pydantic models; OpenAPI is made of them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from insitu.core import LONGEST_S

LARGEST = 1e9  # of a component: its square still fits into the arithmetic of the array
FEATURES = 16_384
MANY = 1024  # items of a list before the limit of the server is looked at
FIELDS = 16  # of a body; no kind has as many
TOP, MOST_TOP = 100, 1_000_000  # classes of an answer unless more or fewer are wanted

Name = Annotated[
    str, Field(description="a class that is known, or 1 to 64 characters, none of them a control character")
]
Known = Annotated[str, Field(description="a class that is known")]
Component = Annotated[float, Field(strict=True, ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Vector = Annotated[list[Component], Field(min_length=1, max_length=FEATURES, fail_fast=True)]
DATA_URL = r"^data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+={0,2}$"  # described; checked in ``pictures``
Picture = Annotated[
    str, Field(description="data:image/png;base64,... (or jpeg, webp, gif)", json_schema_extra={"pattern": DATA_URL})
]
TopK = Annotated[int, Field(strict=True, ge=1, le=MOST_TOP, description="how many of the most similar classes")]

ITEMS = ("image", "images", "vector", "vectors")


def _exactly_one(*names: str) -> list[JsonValue]:
    """Return alternatives of a JSON schema: one of these fields is there, and is not null."""
    return [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]


ONE_KIND, ONE_LABEL = _exactly_one(*ITEMS), _exactly_one("label", "labels")


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


class Items(Sent):
    """Pictures or vectors, one or many, but one kind of them."""

    model_config = ConfigDict(json_schema_extra={"oneOf": ONE_KIND})

    image: Picture | None = None
    images: Annotated[list[Picture], Field(min_length=1, max_length=MANY, fail_fast=True)] | None = None
    vector: Vector | None = None
    vectors: Annotated[list[Vector], Field(min_length=1, max_length=MANY, fail_fast=True)] | None = None

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
    def pictures(self) -> list[str] | None:
        """All pictures, None where there are vectors."""
        return [self.image] if self.image is not None else self.images

    @property
    def rows(self) -> list[list[float]] | None:
        """All vectors, None where there are pictures."""
        return [self.vector] if self.vector is not None else self.vectors


class Query(Items):
    """What is to be recognised."""

    top_k: TopK = TOP


class Teach(Items):
    """Examples with their names."""

    model_config = ConfigDict(json_schema_extra={"oneOf": ONE_LABEL, "allOf": [{"oneOf": ONE_KIND}]})

    label: Name | None = None
    labels: Annotated[list[Name], Field(min_length=1, max_length=MANY, fail_fast=True)] | None = None
    cells: Annotated[bool, Field(strict=True, description="also return the devices before and after")] = False

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

    label: Known


class Ahead(Sent):
    """How far to look ahead, and a picture or vector to be judged then."""

    model_config = ConfigDict(
        json_schema_extra={"not": {"allOf": [*_exactly_one("image"), *_exactly_one("vector")]}},
    )

    seconds: Annotated[float, Field(strict=True, ge=0, le=LONGEST_S, allow_inf_nan=False)]
    image: Picture | None = None
    vector: Vector | None = None
    top_k: TopK = TOP

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.image is not None and self.vector is not None:
            raise ValueError("give one of image and vector, or neither")
        return self

    @property
    def item(self) -> Items | None:
        """The picture or vector."""
        if self.image is None and self.vector is None:
            return None
        return Items(image=self.image, vector=self.vector)
