"""The routes that write: products and interactions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from product_matching.deploy.service.bodies import read_body
from product_matching.deploy.service.pictures import check_picture
from product_matching.deploy.service.problems import Problem
from product_matching.deploy.service.schemas import (
    InteractionsRequest,
    InteractionsResponse,
    NewId,
    ProductBody,
    ProductWritten,
    ReloadResponse,
)
from product_matching.deploy.service.shop import Shop
from product_matching.deploy.service.stored_product import StoredProduct
from product_matching.deploy.service.workers import tell_supervisor
from product_matching.errors import ProductMatchingError

T = TypeVar("T")
_new_id = TypeAdapter(NewId)


class Telling:
    """Writes to a shop: first to the database, then to the index, one at a time."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def put_product(self, request: Request, product_id: str) -> ProductWritten:
        """Adds a product or replaces it; once answered, it outlives a crash and the next search finds it."""
        try:
            _new_id.validate_python(product_id)
        except ValidationError as error:
            raise Problem(
                422, "An id has up to 128 letters, digits, spaces and . _ : -, a letter or digit first."
            ) from error
        body, shop = await read_body(request, ProductBody), self._shop
        image = body.image
        if image:  # what is kept must be readable for ever, so it is kept as the model reads it
            image = await asyncio.to_thread(check_picture, image, max_pixels=shop.settings.image_pixels)
        with shop.using() as edition:
            model = edition.model
            vector = await edition.embed_product(image, body.title, body.description, body.joined_tags)
        product = StoredProduct(product_id, body.fields, image, vector, model)
        changed = await self._one_at_a_time(lambda: self._keep(product))
        return ProductWritten(product_id=product_id, changed=changed)

    async def delete_product(self, request: Request, product_id: str) -> Response:
        """Takes a product out; doing it again is no error."""
        del request
        if len(product_id) > 256:
            raise Problem(422, "An id has up to 256 letters.")
        await self._one_at_a_time(lambda: self._remove(product_id))
        return Response(status_code=204)

    async def reload(self) -> ReloadResponse:
        """Changes over to the newest version of the bundle, if it passes its trial; without a pause."""
        try:
            changed = await self._shop.reload()
            if changed:
                tell_supervisor()
        except ProductMatchingError as error:
            detail = f"The version before it goes on: {error}"
            raise Problem(409, detail[:500]) from error
        now = self._shop.now
        return ReloadResponse(changed=changed, bundle=now.bundle.folder.name, products=now.live.size)

    async def add_interactions(self, request: Request) -> InteractionsResponse:
        """Keeps what shoppers did; the same event sent again is kept once."""
        body, shop = await read_body(request, InteractionsRequest), self._shop
        events = [event.model_dump() for event in body.interactions]
        fresh = await self._one_at_a_time(lambda: self._remember(events))
        shop.metrics.writes.labels("interaction").inc(len(fresh))
        return InteractionsResponse(accepted=len(fresh), duplicates=len(events) - len(fresh))

    async def _keep(self, product: StoredProduct) -> bool:
        now = self._shop.now
        if product.model != now.model:  # another version took over while this waited
            product = replace(product, vector=await asyncio.to_thread(now.vector, product), model=now.model)
        changed = await asyncio.to_thread(self._shop.store.put, product)
        await asyncio.to_thread(now.catch_up)  # also where nothing changed: the answer before may have been lost
        if changed:
            self._shop.metrics.writes.labels("product").inc()
        return changed

    async def _remove(self, product_id: str) -> None:
        now = self._shop.now
        if product_id not in now.live:
            return
        await asyncio.to_thread(self._shop.store.put, StoredProduct(product_id, deleted=True))
        await asyncio.to_thread(now.catch_up)
        self._shop.metrics.writes.labels("deletion").inc()

    async def _remember(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        fresh = await asyncio.to_thread(self._shop.store.add_interactions, events)
        await asyncio.to_thread(self._shop.now.catch_up)
        return fresh

    async def _one_at_a_time(self, write: Callable[[], Awaitable[T]]) -> T:
        async def locked() -> T:
            async with self._shop.writing:
                return await write()

        # A deadline or a client that goes must not leave the database ahead of the index.
        return await asyncio.shield(asyncio.ensure_future(locked()))
