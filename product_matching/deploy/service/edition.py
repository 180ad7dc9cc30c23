"""One version of a bundle, open: encoders, index, recommender, with what was written since the index was built."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from product_matching.bundle import Bundle
from product_matching.deploy.service.cache import RecentCache, content_key
from product_matching.deploy.service.embedder import Embedder
from product_matching.deploy.service.metrics import Metrics
from product_matching.deploy.service.pictures import thumbnail
from product_matching.deploy.service.problems import Problem
from product_matching.deploy.service.schemas import Facet, Found, Item, SearchResponse
from product_matching.deploy.service.settings import Settings
from product_matching.deploy.service.shoppers import Shoppers
from product_matching.deploy.service.store import ALL, Store
from product_matching.deploy.service.stored_product import StoredProduct
from product_matching.deploy.service.watching import Watch
from product_matching.search import Filter, Hit, Options, Page, Query, Result, SearchEngine, find, parse_filter
from product_matching.search.indexing import WORDS, words_in_one
from product_matching.search.live_index import LiveIndex

STORED = "(stored)"
"""What stands as `image` of a product whose picture lies in the database."""
THUMBNAILS = 1024
REBUILD_SHARE = 0.2
"""Of the products written since the index was built; then it is built anew, in a thread beside."""


class Edition:
    """A bundle with its index, as the routes see it; they answer each request from one edition alone.

    Attributes:
        users: How many requests are being answered from it.
    """

    def __init__(self, engine: SearchEngine, settings: Settings, store: Store, metrics: Metrics) -> None:
        self.bundle, self.head, self.settings = engine.bundle, engine.bundle.head, settings
        self.model = fingerprint(engine.bundle)
        self.live = LiveIndex(engine.index, rebuild_share=REBUILD_SHARE)
        self.store, self.metrics, self.users = store, metrics, 0
        self.embedder = Embedder(engine.bundle.encoders, settings, metrics)
        self.shoppers = Shoppers(None)
        self.thumbnails: RecentCache[bytes] = RecentCache(THUMBNAILS)
        self.found: RecentCache[SearchResponse] = RecentCache(settings.cached_results)
        self._snapshot = self.live.snapshot
        self._embedded: dict[bytes, np.ndarray] = {}
        self._revision, self.watch = ALL, Watch(metrics, engine.index.references)

    def rehearse(self) -> None:
        """Embeds anew what another model had embedded, and keeps that in mind for `replay`; writes nothing."""
        for product in self.store.products():
            self.vector(product)

    def replay(self) -> None:
        """Brings index and recommender to where the database is.

        Raises:
            BundleError: If the recommender is damaged.
        """
        self.shoppers = Shoppers.load(self.bundle)
        self._revision = ALL
        self.catch_up(keep=True)
        self._embedded.clear()

    def catch_up(self, *, keep: bool = False) -> int:
        """Takes in what was written to the database, by this process or by others, since the last time.

        Args:
            keep: Whether vectors that had to be made anew are written back.

        Returns:
            How many products and events were taken in.
        """
        since, until = self._revision, self.store.revision()
        if since == until:
            return 0
        rows, gone = [], []
        for product in self.store.products(since, until):
            if product.deleted:
                gone.append(product.product_id)
                continue
            vector = self.vector(product)
            if keep and product.model != self.model:
                self.store.put(replace(product, vector=vector, model=self.model))
            own = vector[self.live.dim :] if self.live.keeps_text_vectors else None
            rows.append((product.product_id, vector[: self.live.dim], attributes_of(product), own))
        self.live.put(rows)
        self.live.delete([name for name in gone if name in self.live])
        events = self.store.interactions(since, until)
        self.shoppers.take(events)
        self._revision = until
        return len(rows) + len(gone) + len(events)

    def vector(self, product: StoredProduct) -> np.ndarray:
        """Its vectors by this model, see `StoredProduct`, as far as the index needs them; made anew where they lack."""
        dim, whole = self.live.dim, product.vector
        wanted, known = dim * (1 + self.live.keeps_text_vectors), product.model == self.model
        if product.deleted or (known and len(whole) in {wanted, 2 * dim}):
            return whole
        key = product.digest
        if key not in self._embedded:
            words = [product.fields.get(name, "") for name in WORDS]
            encoders = self.bundle.encoders
            if not known or len(whole) != dim:
                whole = encoders.embed_product([product.image], *([field] for field in words))[0]
            self._embedded[key] = np.concatenate([whole, encoders.embed_text([words_in_one(*words)])[0]])
        return self._embedded[key]

    def start(self) -> None:
        """Begins to work, in the running event loop."""
        self.embedder.start()

    async def close(self) -> None:
        """Finishes what was taken: waits for all who use it."""
        while self.users:
            await asyncio.sleep(0.02)
        await self.embedder.close()

    async def embed_product(self, image: bytes, title: str, description: str, tags: str) -> np.ndarray:
        """Both vectors of a product, float32 `[2 D]`; see `StoredProduct`."""
        whole = self.embedder.embed(text=title, image=image, description=description, tags=tags, product=True)
        own = self.embedder.embed(text=words_in_one(title, description, tags))
        return np.concatenate(await asyncio.gather(whole, own))

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
        self, query: Query, options: Options, *, filters: Sequence[str] = (), exclude: tuple[str, ...] = ()
    ) -> SearchResponse:
        """A page of the best products for a query; `filters` as written."""
        conditions = [parse_filter(text) for text in filters]
        asked = [
            query.text,
            str(query.share),
            str(query.sides),
            repr(query.corrected),
            repr(options),
            *filters,
            "",
            *exclude,
        ]
        key = content_key([query.vector.tobytes(), *asked])
        if self._snapshot is not self.live.snapshot:  # what was written since may rank before what was found
            self._snapshot, self.found = self.live.snapshot, self.found.renewed()
        cache = self.found
        whole = not (conditions or exclude or options.min_probability is not None)
        if (kept := cache.get(key)) is not None:
            self.watch.compare(query, options, _first_cosine(kept) if whole else None)
            return kept
        with self.metrics.stage("search"):
            page = await asyncio.to_thread(self._find, query, options, conditions, exclude)
        found = SearchResponse(
            results=[self._result(result) for result in page.results],
            nothing_matches=page.nothing_matches,
            corrected=page.corrected,
            total=page.total,
            facets=None if page.total is None else [Facet(**facet.to_dict()) for facet in page.facets],
        )
        cache.put(key, found)
        self.watch.observe(query, page, self.live.snapshot.base)
        self.watch.compare(query, options, _first_cosine(found) if whole else None)
        return found

    def _find(self, query: Query, options: Options, filters: Sequence[Filter], exclude: tuple[str, ...]) -> Page:
        return find(self.live.parts(filters, exclude), self.head, query, options)

    def _result(self, result: Result) -> Found:
        hit = Hit(result.product_id, result.parts["cosine"], result.rank, result.attributes)
        more = {"parts": result.parts, "variants": list(result.variants)}
        return self.shown(hit, score=result.score, probability=result.probability, **more)

    def shown(self, hit: Hit, *, score: float, probability: float | None, **more: Any) -> Found:
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
            **more,
        )

    def picture(self, product_id: str) -> bytes:
        """A small JPEG of a product of the index.

        Raises:
            Problem: 404 if there is no such product or it has no picture.
        """
        where = self.known(product_id)[1].get("image")
        try:
            data = self.file_of(product_id) if where else b""
            key = hashlib.sha256(data).digest()
            if (small := self.thumbnails.get(key)) is None:
                self.thumbnails.put(key, small := thumbnail(data))
            return small
        except (OSError, ValueError, SyntaxError) as error:
            raise Problem(404, "This product has no picture that can be shown.") from error

    def file_of(self, product_id: str) -> bytes:
        """The picture of a product that has one, as it is kept.

        Raises:
            OSError: If it cannot be read.
        """
        where = self.known(product_id)[1].get("image")
        return self.store.image(product_id) if where == STORED else Path(str(where)).read_bytes()

    def allowed_ids(self, filters: list[str]) -> list[str] | None:
        """Products that may be recommended: those that meet the filters; None where all may."""
        conditions: list[Filter] = [parse_filter(text) for text in filters]
        if not conditions and not self.live.snapshot.hidden:
            return None
        return self.live.ids(conditions)


def attributes_of(product: StoredProduct) -> dict[str, Any]:
    """What an index knows of a stored product."""
    return {**product.fields, "image": STORED if product.image else ""}


def _first_cosine(found: SearchResponse) -> float | None:
    return found.results[0].parts["cosine"] if found.results and found.results[0].parts else None


def fingerprint(bundle: Bundle) -> str:
    """Tells models apart whose vectors must not be mixed: a hash of the exported model's files."""
    files = {name: digest for name, digest in bundle.manifest["files"].items() if not name.endswith(".keras")}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
