"""All that the routes work with: encoders, index, database, keys, recommender."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from product_matching.bundle import Bundle
from product_matching.deploy.service.cache import RecentCache
from product_matching.deploy.service.embedder import Embedder
from product_matching.deploy.service.keys import Keys
from product_matching.deploy.service.live_index import LiveIndex
from product_matching.deploy.service.metrics import Metrics
from product_matching.deploy.service.pictures import thumbnail
from product_matching.deploy.service.problems import Problem
from product_matching.deploy.service.schemas import Found, Item
from product_matching.deploy.service.settings import Settings
from product_matching.deploy.service.shoppers import Shoppers
from product_matching.deploy.service.store import Store, StoredProduct
from product_matching.search import Filter, Hit, SearchEngine, parse_filter

STORED = "(stored)"
"""What stands as `image` of a product whose picture lies in the database."""
THUMBNAILS = 1024


class Shop:
    """A bundle, its index with what was written since, and what is known of shoppers."""

    def __init__(self, engine: SearchEngine, settings: Settings) -> None:
        self.bundle, self.head, self.settings = engine.bundle, engine.bundle.head, settings
        self.metrics, self.keys = Metrics(), Keys.load(settings.state)
        self.model = fingerprint(engine.bundle)
        self.live = LiveIndex(engine.index)
        self.store = Store(settings.state)
        self.embedder = Embedder(engine.bundle.encoders, settings, self.metrics)
        self.shoppers = Shoppers.load(engine.bundle, self.store)
        self.thumbnails: RecentCache[bytes] = RecentCache(THUMBNAILS)
        self.writing, self.ready = asyncio.Lock(), False
        self._measure()

    @classmethod
    def load(cls, path: str | Path, settings: Settings) -> Shop:
        """Opens a bundle and its index, and applies all that was written.

        Raises:
            BundleError: If the bundle, its index or its recommender is missing or damaged.
        """
        shop = cls(SearchEngine.load(path), settings)
        shop.replay()
        return shop

    def replay(self) -> None:
        """Brings the index to where the database is. What another model embedded is embedded anew."""
        for product in self.store.products():
            if product.deleted:
                self.live.delete([product.product_id])
                continue
            vector = product.vector
            if product.model != self.model or len(vector) != self.live.dim:
                fields = product.fields
                words = [[fields.get(name, "")] for name in ("title", "description", "tags")]
                vector = self.bundle.encoders.embed_product([product.image], *words)[0]
                self.store.put(StoredProduct(product.product_id, fields, product.image, vector, self.model))
            self.live.put([(product.product_id, vector, attributes_of(product))])

    async def start(self) -> None:
        """Begins to serve, after a question that takes the whole way."""
        self.embedder.start()
        self.live.search(await self.embedder.embed(text="ready?"), k=1)
        self.ready = True

    async def close(self) -> None:
        """Finishes what was taken."""
        self.ready = False
        await self.embedder.close()
        async with self.writing:
            self.store.close()

    async def vector_of(self, item: Item) -> np.ndarray:
        """The vector of an item, float32 `[D]`.

        Raises:
            Problem: 404 if it names a product that is not there.
        """
        if item.product_id is not None:
            return self.known(item.product_id)[0]
        text, tags = item.text if item.text.strip() else item.title, "|".join(item.tags)
        return await self.embedder.embed(text=text, image=item.image, description=item.description, tags=tags)

    def known(self, product_id: str) -> tuple[np.ndarray, dict[str, Any]]:
        """Vector and attributes of a product of the index.

        Raises:
            Problem: 404 if there is none.
        """
        try:
            return self.live.get(product_id)
        except KeyError as error:
            raise Problem(404, "There is no product of this id in the index.") from error

    async def search(
        self,
        vector: np.ndarray,
        *,
        text: str = "",
        share: float = 1.0,
        k: int,
        filters: list[str],
        exclude: tuple[str, ...] = (),
    ) -> list[Found]:
        """The best products for a vector and the words that are so large a share of it."""
        conditions = [parse_filter(text) for text in filters]
        with self.metrics.stages.labels("search").time():
            hits = await asyncio.to_thread(
                self.live.search, vector, text=text, share=share, k=k, filters=conditions, exclude_ids=exclude
            )
        scores = self.head.score(np.array([hit.score for hit in hits], np.float32))
        return [
            self.shown(hit, score=float(score), probability=float(probability))
            for hit, score, probability in zip(
                hits, scores, self.head.probability(scores, self.head.reach(vector[None])), strict=True
            )
        ]

    def shown(self, hit: Hit, *, score: float, probability: float | None) -> Found:
        """A product as it leaves the service: without paths of this machine."""
        attributes = {name: _json(value) for name, value in hit.attributes.items() if name != "image"}
        address = f"/v1/products/{quote(hit.product_id, safe='')}/image" if hit.attributes.get("image") else None
        return Found(
            product_id=hit.product_id,
            score=score,
            probability=probability,
            rank=hit.rank,
            title=str(attributes.get("title") or ""),
            image=address,
            attributes=attributes,
        )

    def picture(self, product_id: str) -> bytes:
        """A small JPEG of a product of the index.

        Raises:
            Problem: 404 if there is no such product or it has no picture.
        """
        where = self.known(product_id)[1].get("image")
        try:
            data = self.store.image(product_id) if where == STORED else Path(str(where)).read_bytes() if where else b""
            key = hashlib.sha256(data).digest()
            if (small := self.thumbnails.get(key)) is None:
                self.thumbnails.put(key, small := thumbnail(data))
            return small
        except (OSError, ValueError, SyntaxError) as error:
            raise Problem(404, "This product has no picture that can be shown.") from error

    def allowed_ids(self, filters: list[str]) -> list[str] | None:
        """Products that may be recommended: those that meet the filters; None where all may."""
        conditions: list[Filter] = [parse_filter(text) for text in filters]
        if not conditions and not self.live.snapshot.hidden:
            return None
        return self.live.ids(conditions)

    def _measure(self) -> None:
        cache, metrics = self.embedder.cache, self.metrics
        metrics.gauge("index_products", "Products that can be found.", lambda: self.live.size)
        metrics.gauge("queue_waiting", "Queries that wait for the model.", lambda: self.embedder.waiting)
        metrics.counter("embedding_cache_hits", "Embeddings found in the cache.", lambda: cache.hits)
        metrics.counter("embedding_cache_misses", "Embeddings not in the cache.", lambda: cache.misses)


def attributes_of(product: StoredProduct) -> dict[str, Any]:
    """What an index knows of a stored product."""
    return {**product.fields, "image": STORED if product.image else ""}


def fingerprint(bundle: Bundle) -> str:
    """Tells models apart whose vectors must not be mixed: a hash of the exported model's files."""
    files = {name: digest for name, digest in bundle.manifest["files"].items() if not name.endswith(".keras")}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
