"""The tables of the service's database, the same in SQLite and PostgreSQL."""

from __future__ import annotations

import time
from contextlib import suppress

import sqlalchemy as sa

metadata = sa.MetaData()
products = sa.Table(
    "products",
    metadata,
    sa.Column("product_id", sa.String, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("image", sa.LargeBinary, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0", index=True),
)
interactions = sa.Table(
    "interactions",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("user_id", sa.String, nullable=False, index=True),
    sa.Column("product_id", sa.String, nullable=False),
    sa.Column("timestamp", sa.Double, nullable=False),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("weight", sa.Double, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0", index=True),
)
labels = sa.Table(
    "labels",
    metadata,
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("left_id", sa.String, primary_key=True),
    sa.Column("right_id", sa.String, primary_key=True),
    sa.Column("match", sa.Boolean, nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
)
seen = sa.Table(
    "seen",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("seen_at", sa.Double, nullable=False, index=True),
)
positions = sa.Table(
    "positions",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)
counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)


def prepare(engine: sa.Engine) -> None:
    """Makes the tables that are missing, and the columns that databases of earlier versions lack."""
    for attempt in range(3):
        try:
            metadata.create_all(engine)
            break
        except sa.exc.DatabaseError:  # another worker makes them at this moment
            if attempt == 2:
                raise
    _add_column(engine, products, "revision BIGINT NOT NULL DEFAULT 0")
    _add_column(engine, interactions, "revision BIGINT NOT NULL DEFAULT 0")
    # When they came was not kept: from today on they count as long as what comes today.
    _add_column(engine, seen, f"seen_at DOUBLE PRECISION NOT NULL DEFAULT {time.time():.0f}", index=True)


def _add_column(engine: sa.Engine, table: sa.Table, declared: str, *, index: bool = False) -> None:
    name = declared.partition(" ")[0]
    if any(column["name"] == name for column in sa.inspect(engine).get_columns(table.name)):
        return
    with suppress(sa.exc.DatabaseError), engine.begin() as connection:  # another process adds it at this moment
        connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {declared}"))
        if index:
            connection.execute(sa.text(f"CREATE INDEX ix_{table.name}_{name} ON {table.name} ({name})"))
