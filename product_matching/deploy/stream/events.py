"""The events that a stream may hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from product_matching.deploy.service.schemas import Event, KnownId, Model, NewId, ProductBody
from product_matching.deploy.stream.source import MAX_LINE

EventId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]


class ProductEvent(ProductBody):
    """A product is there, or is another than before."""

    type: Literal["product"]
    product_id: NewId
    event_id: EventId | None = None


class DeletionEvent(Model):
    """A product is gone."""

    type: Literal["deletion"]
    product_id: KnownId
    event_id: EventId | None = None


class InteractionEvent(Event):
    """A shopper did something."""

    type: Literal["interaction"]


AnyEvent = ProductEvent | DeletionEvent | InteractionEvent
_events: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="type")])


class RefusedError(Exception):
    """An event that cannot be used, and why."""


def parse_event(text: bytes) -> AnyEvent:
    """Reads an event.

    >>> parse_event(b'{"type": "deletion", "product_id": "P1"}').product_id
    'P1'

    Raises:
        RefusedError: If it is none, with the place and the reason.
    """
    if len(text) > MAX_LINE:
        raise RefusedError(f"longer than {MAX_LINE:,} bytes")
    try:
        return _events.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RefusedError(f"{place}: {first['msg']}" if place else first["msg"]) from error
