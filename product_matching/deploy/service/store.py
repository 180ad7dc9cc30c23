"""Products and interactions that outlive the process: a database, through SQLAlchemy."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

FILE = "service.sqlite"
_metadata = sa.MetaData()
_products = sa.Table(
    "products",
    _metadata,
    sa.Column("product_id", sa.String, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("image", sa.LargeBinary, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("changed_at", sa.Float, nullable=False),
)
_interactions = sa.Table(
    "interactions",
    _metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("user_id", sa.String, nullable=False, index=True),
    sa.Column("product_id", sa.String, nullable=False),
    sa.Column("timestamp", sa.Float, nullable=False),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("weight", sa.Float, nullable=False),
)


@dataclass(frozen=True)
class StoredProduct:
    """A product as it was written, or the mark that it was deleted.

    Attributes:
        product_id: Which.
        fields: title, description, tags (`a|b`) and the attributes.
        image: Bytes of its picture, or `b""`.
        vector: float32 [D]; of no use to another model.
        model: Fingerprint of the model that made the vector.
        deleted: Whether it must not be found any more.
    """

    product_id: str
    fields: dict[str, Any] = field(default_factory=dict)
    image: bytes = b""
    vector: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    model: str = ""
    deleted: bool = False

    @property
    def digest(self) -> bytes:
        """SHA-256 of what the sender said, the vector left out."""
        text = json.dumps([self.fields, self.deleted], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode() + b"\0" + self.image).digest()


class Store:
    """The database: a write that returned is on the disk, and the same write again changes nothing.

    Args:
        folder: Where `service.sqlite` lies; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(f"sqlite:///{(folder / FILE).resolve()}")
        sa.event.listen(self._engine, "connect", _prepare)
        _metadata.create_all(self._engine)

    def put(self, product: StoredProduct) -> bool:
        """Keeps a product, or the mark that it is gone; False where just this was there already."""
        with self._engine.begin() as connection:
            wanted = sa.select(_products.c.digest, _products.c.model).where(
                _products.c.product_id == product.product_id
            )
            found = connection.execute(wanted).one_or_none()
            if found is not None and (found.digest, found.model) == (product.digest, product.model):
                return False
            row = {
                "product_id": product.product_id,
                "digest": product.digest,
                "deleted": product.deleted,
                "content": json.dumps(product.fields, ensure_ascii=False),
                "image": product.image,
                "vector": product.vector.astype("<f4").tobytes(),
                "model": product.model,
                "changed_at": time.time(),
            }
            connection.execute(insert(_products).values(row).on_conflict_do_update(["product_id"], set_=row))
        return found is None or found.digest != product.digest

    def products(self) -> Iterator[StoredProduct]:
        """All that was written, marks of deletion included, one at a time."""
        with self._engine.connect().execution_options(yield_per=256) as connection:
            for row in connection.execute(sa.select(_products).order_by(_products.c.changed_at)):
                vector = np.frombuffer(row.vector, "<f4").astype(np.float32)
                yield StoredProduct(
                    row.product_id, json.loads(row.content), row.image, vector, row.model, bool(row.deleted)
                )

    def image(self, product_id: str) -> bytes:
        """The picture of a product, `b""` where there is none."""
        with self._engine.connect() as connection:
            wanted = sa.select(_products.c.image).where(_products.c.product_id == product_id)
            return connection.execute(wanted).scalar_one_or_none() or b""

    def add_interactions(self, events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keeps events, all or none, and returns those that were new: known ids are passed over."""
        rows = {row["event_id"]: row for row in map(_with_id, events)}
        fresh = []
        with self._engine.begin() as connection:
            for row in rows.values():
                done = connection.execute(insert(_interactions).values(row).on_conflict_do_nothing())
                fresh += [row] if done.rowcount else []
        return fresh

    def interactions(self) -> list[dict[str, Any]]:
        """All events, oldest first."""
        with self._engine.connect() as connection:
            wanted = sa.select(_interactions).order_by(_interactions.c.timestamp, _interactions.c.event_id)
            return [dict(row) for row in connection.execute(wanted).mappings()]

    def close(self) -> None:
        """Closes the database."""
        self._engine.dispose()


def _with_id(event: dict[str, Any]) -> dict[str, Any]:
    if event["event_id"]:
        return {**event, "event_id": f"given-{event['event_id']}"}
    parts = [event["user_id"], event["product_id"], event["timestamp"], event["event"]]
    return {**event, "event_id": "auto-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()}


def _prepare(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}").close()
