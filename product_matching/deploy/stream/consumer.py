"""Reads events and keeps what they say, each once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from product_matching.bundle import Bundle
from product_matching.deploy.service.edition import fingerprint
from product_matching.deploy.service.pictures import check_picture
from product_matching.deploy.service.problems import Problem
from product_matching.deploy.service.store import Store
from product_matching.deploy.service.stored_product import StoredProduct
from product_matching.deploy.service.writing import MovedError, Writing
from product_matching.deploy.stream.events import (
    AnyEvent,
    DeletionEvent,
    InteractionEvent,
    ProductEvent,
    RefusedError,
    parse_event,
)
from product_matching.deploy.stream.source import Record, Source
from product_matching.search.indexing import words_in_one

PASS = 32
"""Products of one forward pass."""
DAY = 86_400.0
REMEMBER = 7 * DAY
"""As long as Kafka keeps messages by default."""
COUNTS = ("read", "products", "deletions", "interactions", "duplicates", "rejected")


class Consumer:
    """Takes events from a source into a database, from which services that share it take them in.

    Events may come twice, their effect comes once: what a batch says and the position behind it are kept in one
    transaction, and nothing behind it is read again, however old it is. Events that bring an `event_id` count once
    even where a producer sends them twice, or a pipe, which has no position, is read again. Those of shoppers do so for
    ever, as they are kept themselves; ids of product events and deletions are kept for `remember` seconds, so that the
    database does not grow without limit. Sent again later than that, such an event counts as a new one.

    Args:
        bundle: Whose model embeds the products.
        store: The database.
        refuse: Is told each event that cannot be used, and why; it is passed over.
        max_pixels: As of `check_picture`.
        remember: Seconds for which ids of product events and deletions are kept, 7 days by default.

    Attributes:
        counts: Of what was read and what became of it: those of `COUNTS`.
    """

    def __init__(
        self,
        bundle: Bundle,
        store: Store,
        *,
        refuse: Callable[[Record, str], None] = lambda record, reason: None,
        max_pixels: int = 25_000_000,
        remember: float = REMEMBER,
    ) -> None:
        self._remember = remember
        self._bundle, self._store, self._refuse, self._max_pixels = bundle, store, refuse, max_pixels
        self._model = fingerprint(bundle)
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))

    def run(
        self,
        source: Source,
        *,
        batch: int = 256,
        idle: float = float("inf"),
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Reads until the source ends, or nothing came for `idle` seconds, or it is stopped.

        Args:
            source: Where events come from.
            batch: Events of one transaction, at most.
            idle: Seconds.
            stopped: Asked between batches.
        """
        try:
            source.open(self._store.position)
            last = time.monotonic()
            while not stopped() and time.monotonic() - last < idle:
                records = source.read(batch, min(1.0, idle))
                if records is None:
                    return
                if records:
                    self._take(source, records)
                    last = time.monotonic()
        finally:
            source.close()

    def _take(self, source: Source, records: Sequence[Record]) -> None:
        events = [event for event in map(self._parsed, records) if event is not None]
        products = self._embedded([event for event in events if isinstance(event, ProductEvent)])
        after = {record.source: record.after for record in records if record.source}
        counts: Counter[str] = Counter()
        try:
            with self._store.writing() as writing:
                writing.forget(self._remember)
                for event in events:
                    counts[self._write(writing, event, products)] += 1
                for name, position in after.items():
                    writing.move(name, source.positions[name], position)
        except MovedError:  # another member of the group has it; nothing of this batch was kept
            source.open(self._store.position)
            return
        source.done(after)
        self.counts.update(counts)
        self.counts["read"] += len(records)

    def _write(self, writing: Writing, event: AnyEvent, products: dict[int, StoredProduct]) -> str:
        if isinstance(event, InteractionEvent):
            fresh = writing.add_interactions([event.model_dump(exclude={"type"})])
            return "interactions" if fresh else "duplicates"
        if event.event_id and not writing.is_new(event.event_id):
            return "duplicates"
        gone = isinstance(event, DeletionEvent)
        product = StoredProduct(event.product_id, deleted=True) if gone else products[id(event)]
        return ("deletions" if gone else "products") if writing.put(product) else "duplicates"

    def _parsed(self, record: Record) -> AnyEvent | None:
        if not record.text.strip():
            return None
        try:
            event = parse_event(record.text)
            if isinstance(event, ProductEvent) and event.image:
                return event.model_copy(update={"image": check_picture(event.image, max_pixels=self._max_pixels)})
            return event
        except (RefusedError, Problem) as error:
            self.counts["rejected"] += 1
            self._refuse(record, str(error))
            return None

    def _embedded(self, events: Sequence[ProductEvent]) -> dict[int, StoredProduct]:
        """Products by the identity of their events."""
        found, rows = {}, iter(events)
        while part := list(islice(rows, PASS)):
            tags = [event.joined_tags for event in part]
            texts = [event.title for event in part], [event.description for event in part]
            encoders = self._bundle.encoders
            whole = encoders.embed_product([event.image for event in part], *texts, tags)
            own = encoders.embed_text(list(map(words_in_one, *texts, tags)))
            for event, vector in zip(part, np.hstack([whole, own]).astype(np.float32), strict=True):
                found[id(event)] = StoredProduct(event.product_id, event.fields, event.image, vector, self._model)
        return found
