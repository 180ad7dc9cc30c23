"""The tables of the service's database, the same in SQLite and PostgreSQL."""

from __future__ import annotations

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
seen = sa.Table("seen", metadata, sa.Column("event_id", sa.String, primary_key=True))
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
    """Makes the tables that are missing, and the column that databases of earlier versions lack."""
    for attempt in range(3):
        try:
            metadata.create_all(engine)
            break
        except sa.exc.DatabaseError:  # another worker makes them at this moment
            if attempt == 2:
                raise
    for table in (products, interactions):
        if all(column["name"] != "revision" for column in sa.inspect(engine).get_columns(table.name)):
            with suppress(sa.exc.DatabaseError), engine.begin() as connection:
                connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN revision BIGINT NOT NULL DEFAULT 0"))
