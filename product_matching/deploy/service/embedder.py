"""Vectors of what people send: checked, looked up, or computed together with others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from product_matching.bundle import SignatureEncoders
from product_matching.deploy.service.batching import Batcher
from product_matching.deploy.service.cache import RecentCache, content_key
from product_matching.deploy.service.metrics import Metrics
from product_matching.deploy.service.pictures import check_picture
from product_matching.deploy.service.settings import Settings

Columns = tuple[list, list, list, list]


class Embedder:
    """Texts, pictures and products through batches of the bundle's encoders, with a cache by content.

    What has only words goes through the text tower alone, what is only a picture through the image tower alone.
    """

    def __init__(self, encoders: SignatureEncoders, settings: Settings, metrics: Metrics) -> None:
        self.cache: RecentCache[np.ndarray] = RecentCache(settings.cache_entries)
        self._settings, self._metrics = settings, metrics
        # One thread: TensorFlow spreads one pass over the cores; two at once would only share them.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="model")
        runs: dict[str, Callable[[list], np.ndarray]] = {
            "text": encoders.embed_text,
            "image": encoders.embed_image,
            "product": lambda rows: encoders.embed_product(*_columns(rows)),
        }
        self._batchers = {kind: self._batcher(kind, run) for kind, run in runs.items()}

    @property
    def waiting(self) -> int:
        """Items in all queues."""
        return sum(batcher.waiting for batcher in self._batchers.values())

    def start(self) -> None:
        """Begins to work, in the running event loop."""
        for batcher in self._batchers.values():
            batcher.start()

    async def close(self) -> None:
        """Finishes what was taken."""
        await asyncio.gather(*(batcher.close() for batcher in self._batchers.values()))
        self._executor.shutdown()

    async def embed(
        self, *, text: str = "", image: bytes = b"", description: str = "", tags: str = "", product: bool = False
    ) -> np.ndarray:
        """The vector of a query or a product, float32 `[D]`.

        Args:
            text: What a shopper types, or a title.
            image: An image file.
            description, tags: Of a product; tags are separated by `|`.
            product: Whether this is a product even if it has but one of them, as the index embeds it.

        Raises:
            Problem: 413 or 422 for a picture that cannot be used, 429 if too many wait.
        """
        kind = "product" if product or description or tags or (text.strip() and image) else "image" if image else "text"
        key = content_key([kind, text, image, description, tags])
        if (found := self.cache.get(key)) is not None:
            return found
        if image:
            with self._metrics.stage("check_picture"):
                check = partial(check_picture, image, max_pixels=self._settings.image_pixels)
                image = await asyncio.to_thread(check)
        item = {"text": text, "image": image, "product": (image, text, description, tags)}[kind]
        with self._metrics.stage("embed"):
            vector = await self._batchers[kind].submit(item)
        self.cache.put(key, vector)
        return vector

    def _batcher(self, kind: str, run: Callable[[list], np.ndarray]) -> Batcher:
        return Batcher(
            run,
            executor=self._executor,
            max_batch=self._settings.max_batch,
            max_delay=self._settings.max_delay,
            max_queue=self._settings.max_queue,
            observe=self._metrics.batches.labels(kind).observe,
        )


def _columns(rows: list[tuple]) -> Columns:
    images, titles, descriptions, tags = (list(column) for column in zip(*rows, strict=True))
    return images, titles, descriptions, tags
