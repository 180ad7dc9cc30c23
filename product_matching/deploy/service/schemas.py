"""What goes in and out, with types, limits and examples."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from product_matching.deploy.service.settings import MAX_EVENTS, MAX_FILTERS, MAX_ITEMS, MAX_K, MAX_OFFSET, MAX_TEXT


def _picture(value: object) -> bytes:
    if isinstance(value, bytes):  # of an upload
        return value
    if not isinstance(value, str):
        raise ValueError("an image is base64 text")
    if value.startswith("data:"):
        value = value.partition(",")[2]
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("the image is not base64") from error


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value  # 5.0 is a whole number in JSON


Picture = Annotated[
    bytes,
    BeforeValidator(_picture),
    WithJsonSchema({"type": "string", "contentEncoding": "base64", "description": "an image file, in base64"}),
]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
KnownId = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]+$")]
NewId = Annotated[str, Field(pattern=r"^\w[\w.:\- ]{0,127}$")]
Tag = Annotated[str, Field(max_length=100, pattern=r"^[^|]*$")]
Condition = Annotated[str, Field(max_length=200)]
K = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=MAX_K)]
Offset = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=MAX_OFFSET)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Scalar = bool | int | float | Annotated[str, Field(max_length=MAX_TEXT)] | None


class Model(BaseModel):
    """Unknown fields are refused, nan and infinities too."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Item(Model):
    """Something with a vector: a product of the index, or whatever of a text, a picture, tags it has."""

    product_id: KnownId | None = None
    text: Text = ""
    title: Text = ""
    description: Text = ""
    tags: list[Tag] = Field(default=[], max_length=64)
    image: Picture = b""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = bool(self.text.strip() or self.title.strip() or self.description.strip() or self.tags or self.image)
        if (self.product_id is not None) == given:
            raise ValueError("give either product_id, or at least one of text, title, description, tags, image")
        if self.text.strip() and (self.title.strip() or self.description.strip()):
            raise ValueError("text is a query; with title or description, put it there")
        return self


class SearchRequest(Model):
    """Words, a picture, or both; or a product to which others are like."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "red striped mug", "k": 5, "filters": ["price<20"]}]}
    )
    text: Text = ""
    image: Picture = b""
    product_id: KnownId | None = Field(None, description="find products like this one; it is not among them")
    image_weight: float | None = Field(
        None, ge=0, le=1, description="with both: 0 words only, 1 picture only; by default the model joins them"
    )
    k: K = 12
    offset: Offset = Field(0, description="results before this page; pages are slices of one order")
    filters: list[Condition] = Field(default=[], max_length=MAX_FILTERS, description="as colour=red or price=10..20")
    facets: list[Name] = Field(default=[], max_length=MAX_FILTERS, description="attributes to count, or all")
    group_by: Annotated[str, Field(max_length=64)] = Field("", description="attribute of which each value comes once")
    diversity: float = Field(0.0, ge=0, le=1, description="weight of being unlike the results before")
    min_probability: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] | None = Field(
        None,
        description="leave out what is less probable and shares no words; auto for what the index was calibrated to",
    )
    spelling: bool = Field(True, description="mend words that no product has")

    @model_validator(mode="after")
    def _one_query(self) -> Self:
        if (self.product_id is not None) == bool(self.text.strip() or self.image):
            raise ValueError("give either product_id, or text, an image, or both")
        return self


class Found(Model):
    """One ranked product."""

    product_id: str
    score: float
    probability: float | None = Field(description="that it matches what was asked, calibrated")
    rank: int
    title: str
    image: str | None = Field(description="address of its picture on this service")
    attributes: dict[str, Any]
    parts: dict[str, float] = Field(
        default={}, description="what the rank is made of: cosine, reach, words, word_weight, text, text_weight, code"
    )
    variants: list[str] = Field(default=[], description="the other products of its group")


class Facet(Model):
    """An attribute to filter by: its values with how many products have each, or its range."""

    attribute: str
    values: dict[str, int] | None = None
    minimum: float | None = None
    maximum: float | None = None


class SearchResponse(Model):
    """The best first."""

    results: list[Found]
    nothing_matches: bool = Field(False, description="even the best is unlikely to be what was asked for")
    corrected: str | None = Field(None, description="the text as it was understood, where a word was mended")
    total: int | None = Field(None, description="how many products match, where facets were asked for")
    facets: list[Facet] | None = None


class Pair(Model):
    """Two things that may be the same product."""

    left: Item
    right: Item


class MatchRequest(Model):
    """Pairs to compare."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"pairs": [{"left": {"text": "red mug"}, "right": {"title": "Mug, red"}}]}]}
    )
    pairs: list[Pair] = Field(min_length=1, max_length=MAX_ITEMS)


class Matched(Model):
    """How well a pair belongs together."""

    probability: float
    score: float
    match: bool = Field(description="whether the probability reaches the threshold")


class MatchResponse(Model):
    """In the order of the request."""

    threshold: float
    pairs: list[Matched]


class EmbedRequest(Model):
    """Things to embed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [{"text": "红色马克杯"}]}]})
    items: list[Item] = Field(min_length=1, max_length=MAX_ITEMS)


class EmbedResponse(Model):
    """Vectors of length one, in the order of the request."""

    dim: int
    embeddings: list[list[float]]


class RecommendRequest(Model):
    """A shopper by id, or by what they took, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "U0001", "k": 5}, {"history": ["P00007"]}]})
    user_id: KnownId | None = None
    history: list[KnownId] | None = Field(None, max_length=MAX_EVENTS)
    k: K = 12
    filters: list[Condition] = Field(default=[], max_length=MAX_FILTERS)
    include_seen: bool = False

    @model_validator(mode="after")
    def _one_shopper(self) -> Self:
        if (self.user_id is None) == (self.history is None):
            raise ValueError("give either user_id or history")
        return self


class ProductBody(Model):
    """A product to keep; the same body again changes nothing."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Red mug", "tags": ["kitchen"], "attributes": {"price": 9.5}}]}
    )
    title: Text = ""
    description: Annotated[str, Field(max_length=10_000)] = ""
    tags: list[Tag] = Field(default=[], max_length=64)
    image: Picture = b""
    attributes: dict[Annotated[str, Field(pattern=r"^[^<>=!|\x00-\x1f\x7f-\x9f]{1,64}$")], Scalar] = Field(
        default={}, max_length=64
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.title.strip() or self.description.strip() or self.image):
            raise ValueError("give at least one of title, description, image")
        taken = {"product_id", "image", "title", "description", "tags"} & self.attributes.keys()
        if taken:
            raise ValueError(f"attributes may not be called {', '.join(sorted(taken))}")
        return self

    @property
    def joined_tags(self) -> str:
        """The tags as a catalogue has them, `a|b`."""
        return "|".join(self.tags)

    @property
    def fields(self) -> dict[str, Any]:
        """What is kept of it beside the picture: words and attributes by the name of their column."""
        return {**self.attributes, "title": self.title, "description": self.description, "tags": self.joined_tags}


class ProductWritten(Model):
    """What became of a write."""

    product_id: str
    changed: bool = Field(description="false where all of it was there already")


class Event(Model):
    """Someone took something."""

    user_id: KnownId
    product_id: KnownId
    timestamp: float = Field(ge=0, le=4e11, description="seconds since 1970, UTC")
    event: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")] = "purchase"
    weight: float = Field(1.0, gt=0, le=1e6)
    event_id: Annotated[str, Field(max_length=128, pattern=r"^[^\x00]*$")] | None = Field(
        None, description="an event sent twice counts once; by default who, what, which and when are its id"
    )


class InteractionsRequest(Model):
    """Events to keep."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"interactions": [{"user_id": "U1", "product_id": "P00007", "timestamp": 1767225600}]}]
        }
    )
    interactions: list[Event] = Field(min_length=1, max_length=MAX_EVENTS)


class Suggestion(Model):
    """A pair for a curator: two products that may be one, or a product with itself: its picture and its words."""

    kind: Literal["duplicate", "mismatch"]
    probability: float = Field(description="that the two belong together")
    left: Found
    right: Found


class ReviewResponse(Model):
    """What is worth a look first."""

    suggestions: list[Suggestion]
    waiting: int = Field(description="products not looked at yet; ask again and more of them are")
    labelled: int


class Label(Model):
    """What a curator says of a pair; of kind mismatch both ids are those of one product."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "duplicate", "left_id": "P1", "right_id": "P2", "match": True}]}
    )
    kind: Literal["duplicate", "mismatch"]
    left_id: KnownId
    right_id: KnownId
    match: bool | None = Field(description="null takes it back")

    @model_validator(mode="after")
    def _two_or_one(self) -> Self:
        if (self.left_id == self.right_id) != (self.kind == "mismatch"):
            raise ValueError("a duplicate has two ids, a mismatch twice the same")
        return self


class LabelsResponse(Model):
    """What curators said."""

    labels: list[Label]


class ReloadResponse(Model):
    """What became of a look for a new version."""

    changed: bool = Field(description="false where the newest version answers already")
    bundle: str = Field(description="name of the folder of the version that answers")
    products: int


class InteractionsResponse(Model):
    """How many were new."""

    accepted: int
    duplicates: int


class About(Model):
    """What the page needs to know of the index."""

    products: int
    threshold: float
    recommender: str | None
    facets: list[Facet]


class Health(Model):
    """How the service is."""

    status: str
    products: int | None = None
    bundle: str | None = None
