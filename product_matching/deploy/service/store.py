"""What outlives the process: products, interactions and labels in a database, through SQLAlchemy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from product_matching.deploy.service import tables
from product_matching.deploy.service.stored_product import StoredProduct
from product_matching.deploy.service.writing import INSERTS, Writing
from product_matching.errors import ConfigError, MissingExtraError

FILE = "service.sqlite"
ALL = -1
"""The revision before all others; databases of earlier versions hold rows of revision 0."""


class Store:
    """The database: a write that returned is on the disk, and the same write again changes nothing.

    Args:
        place: A folder, in which `service.sqlite` lies or is made; or the address of a database, as SQLAlchemy writes
            it: `sqlite:////data/shop.sqlite`, `postgresql+psycopg://user:password@host/shop`.

    Raises:
        ConfigError: If the address is none, or the database cannot be reached.
        MissingExtraError: If its driver is not installed.
    """

    def __init__(self, place: Path | str) -> None:
        url = _url(place)
        shown = url.render_as_string(hide_password=True)
        try:
            self._engine = sa.create_engine(url, pool_pre_ping=True)
            if url.get_backend_name() == "sqlite":
                sa.event.listen(self._engine, "connect", _prepare_sqlite)
            tables.prepare(self._engine)
        except ModuleNotFoundError as error:
            install = "pip install 'product-matching[postgres]'"
            raise MissingExtraError(f"The driver of {shown} is not installed ({error}): {install}") from error
        except sa.exc.DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
            raise ConfigError(f"The database {shown} cannot be used: {reason}.") from error

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """A transaction: what is written in it is kept when the block ends, and nothing of it if the block raises."""
        with self._engine.begin() as connection:
            yield Writing(connection)

    def put(self, product: StoredProduct) -> bool:
        """Keeps a product, or the mark that it is gone; False where just this was there already."""
        with self.writing() as writing:
            return writing.put(product)

    def add_interactions(self, events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keeps events, all or none, and returns those that were new: known ids are passed over."""
        with self.writing() as writing:
            return writing.add_interactions(events)

    def label(self, kind: str, left: str, right: str, match: bool | None) -> None:
        """Keeps what a curator said of a pair; None takes it back."""
        with self.writing() as writing:
            writing.label(kind, left, right, match)

    def revision(self) -> int:
        """Number of the last transaction, 0 before the first."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(tables.counters.c.value)).scalar_one_or_none() or 0

    def products(self, since: int = ALL, until: int | None = None) -> Iterator[StoredProduct]:
        """What was written after a revision, up to another, marks of deletion included, one at a time."""
        table = tables.products
        wanted = sa.select(table).where(*_between(table, since, until)).order_by(table.c.changed_at)
        with self._engine.connect().execution_options(yield_per=256) as connection:
            for row in connection.execute(wanted):
                vector = np.frombuffer(row.vector, "<f4").astype(np.float32)
                yield StoredProduct(
                    row.product_id, json.loads(row.content), bytes(row.image), vector, row.model, bool(row.deleted)
                )

    def image(self, product_id: str) -> bytes:
        """The picture of a product, `b""` where there is none."""
        with self._engine.connect() as connection:
            wanted = sa.select(tables.products.c.image).where(tables.products.c.product_id == product_id)
            return bytes(connection.execute(wanted).scalar_one_or_none() or b"")

    def interactions(self, since: int = ALL, until: int | None = None) -> list[dict[str, Any]]:
        """Events written after a revision, up to another, oldest first."""
        table = tables.interactions
        names = ("event_id", "user_id", "product_id", "timestamp", "event", "weight")
        wanted = sa.select(*(table.c[name] for name in names)).where(*_between(table, since, until))
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(table.c.timestamp, table.c.event_id))
            return [dict(row) for row in rows.mappings()]

    def labels(self) -> list[dict[str, Any]]:
        """What curators said: kind, left_id, right_id, match; in the order of saying."""
        table = tables.labels
        with self._engine.connect() as connection:
            wanted = sa.select(table.c["kind", "left_id", "right_id", "match"]).order_by(table.c.changed_at)
            return [dict(row) for row in connection.execute(wanted).mappings()]

    def position(self, source: str) -> int:
        """Up to where a source was read, 0 at first."""
        with self._engine.connect() as connection:
            wanted = sa.select(tables.positions.c.position).where(tables.positions.c.source == source)
            return connection.execute(wanted).scalar_one_or_none() or 0

    def close(self) -> None:
        """Closes the database."""
        self._engine.dispose()


def _url(place: Path | str) -> sa.URL:
    if isinstance(place, Path):
        place.mkdir(parents=True, exist_ok=True)
        return sa.URL.create("sqlite", database=str((place / FILE).resolve()))
    try:
        url = sa.make_url(place)
    except sa.exc.ArgumentError as error:
        raise ConfigError(
            "--store takes the address of a database, as sqlite:////data/shop.sqlite or "
            "postgresql+psycopg://user:password@host/shop; what came is none."
        ) from error
    if url.get_backend_name() not in INSERTS:
        known = " and ".join(INSERTS)
        raise ConfigError(f"The service keeps its state in {known}; got {url.get_backend_name()!r}.")
    return url


def _between(table: sa.Table, since: int, until: int | None) -> list[Any]:
    upper = [] if until is None else [table.c.revision <= until]
    return [table.c.revision > since, *upper]


def _prepare_sqlite(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}").close()
