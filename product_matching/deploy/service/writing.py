"""One transaction on the service's database: all of it is kept, or nothing."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from product_matching.deploy.service import tables
from product_matching.deploy.service.stored_product import StoredProduct

INSERTS: dict[str, Callable[[sa.Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class MovedError(Exception):
    """Somebody else has read on from the position that this reader began at."""


class Writing:
    """What is done in one transaction; take it from `Store.writing`.

    Its first statement counts the revision up, and so holds a row that all writers need until the end: revisions become
    visible in their order, whatever the number of processes, and who has read up to one misses nothing before it.

    Attributes:
        revision: Number of this transaction.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection, self._insert = connection, INSERTS[connection.dialect.name]
        self.revision: int = connection.execute(count_up(self._insert)).scalar_one()

    def put(self, product: StoredProduct) -> bool:
        """Keeps a product, or the mark that it is gone; False where just this was there already."""
        wanted = sa.select(tables.products.c["digest", "model", "revision"]).where(
            tables.products.c.product_id == product.product_id
        )
        found = self._connection.execute(wanted).one_or_none()
        changed = found is None or bytes(found.digest) != product.digest
        if changed or found.model != product.model:
            # The same product with the vector of another model is no news for those who follow the revisions.
            self._connection.execute(
                upsert_product(self._insert, product, self.revision if changed else found.revision)
            )
        return changed

    def add_interactions(self, events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keeps events, and returns those that were new: known ids are passed over."""
        rows = {row["event_id"]: row for row in map(_with_id, events)}
        fresh = []
        for row in rows.values():
            fresh += [row] if self._add(tables.interactions, {**row, "revision": self.revision}) else []
        return fresh

    def is_new(self, event_id: str) -> bool:
        """Remembers the id of an event that is none of a shopper; False where it was there already."""
        return self._add(tables.seen, {"event_id": event_id, "seen_at": time.time()})

    def forget(self, seconds: float) -> int:
        """Forgets ids of events that `is_new` first saw longer ago than so many seconds; returns how many."""
        table = tables.seen
        return self._connection.execute(sa.delete(table).where(table.c.seen_at < time.time() - seconds)).rowcount

    def move(self, source: str, before: int, after: int) -> None:
        """Remembers up to where a source was read.

        Raises:
            MovedError: If it was not read up to `before`, since somebody else read on: then nothing may be kept.
        """
        table = tables.positions
        self._add(table, {"source": source, "position": 0})
        moved = sa.update(table).where(table.c.source == source, table.c.position == before).values(position=after)
        if not self._connection.execute(moved).rowcount:
            raise MovedError(f"{source} was read on by another process.")

    def label(self, kind: str, left: str, right: str, match: bool | None) -> None:
        """Keeps what a curator said of a pair; None takes it back."""
        table, key = tables.labels, {"kind": kind, "left_id": left, "right_id": right}
        if match is None:
            same = [table.c[name] == value for name, value in key.items()]
            self._connection.execute(sa.delete(table).where(*same))
            return
        row = {**key, "match": match, "changed_at": time.time()}
        self._connection.execute(
            self._insert(table).values(row).on_conflict_do_update(index_elements=list(key), set_=row)
        )

    def _add(self, table: sa.Table, row: dict[str, Any]) -> bool:
        # What is returned tells, not the count of rows: drivers do not agree on that of an insertion.
        statement = self._insert(table).values(row).on_conflict_do_nothing().returning(sa.literal(1))
        return self._connection.execute(statement).first() is not None


def count_up(insert: Callable[[sa.Table], Any]) -> Any:
    """The statement that takes the next revision."""
    table = tables.counters
    first = insert(table).values(name="revision", value=1)
    return first.on_conflict_do_update(index_elements=["name"], set_={"value": table.c.value + 1}).returning(
        table.c.value
    )


def upsert_product(insert: Callable[[sa.Table], Any], product: StoredProduct, revision: int) -> Any:
    """The statement that keeps a product in place of what there was."""
    row = {
        "product_id": product.product_id,
        "digest": product.digest,
        "deleted": product.deleted,
        "content": json.dumps(product.fields, ensure_ascii=False),
        "image": product.image,
        "vector": product.vector.astype("<f4").tobytes(),
        "model": product.model,
        "changed_at": time.time(),
        "revision": revision,
    }
    return insert(tables.products).values(row).on_conflict_do_update(index_elements=["product_id"], set_=row)


def _with_id(event: dict[str, Any]) -> dict[str, Any]:
    if event["event_id"]:
        return {**event, "event_id": f"given-{event['event_id']}"}
    parts = [event["user_id"], event["product_id"], event["timestamp"], event["event"]]
    return {**event, "event_id": "auto-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()}
