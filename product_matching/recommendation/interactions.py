"""Who took which product, and when: read from a table, kept as arrays in the order of time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from product_matching.dataset.delimited import BadLine
from product_matching.dataset.tables import read_table, rename_columns, tell_rejected
from product_matching.errors import DataError

COLUMNS = ("user_id", "product_id", "timestamp")
REJECTED_COLUMNS = ("row", "user_id", "column", "reason")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Interactions:
    """M events, sorted by user, then time, then their place in the table.

    Attributes:
        users: str [U], ascending; a user may have no event left after a split.
        products: str [P], ascending; the same holds.
        user: int64 [M], places in `users`, ascending.
        product: int64 [M], places in `products`.
        time: float64 [M], seconds since 1970, or any number that grows with time.
        weight: float32 [M], above 0: how much an event counts.
        rejected: Rows of the table that cannot be used: `REJECTED_COLUMNS`.
    """

    users: np.ndarray
    products: np.ndarray
    user: np.ndarray
    product: np.ndarray
    time: np.ndarray
    weight: np.ndarray
    rejected: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(REJECTED_COLUMNS)))

    def __len__(self) -> int:
        return len(self.user)

    @cached_property
    def offsets(self) -> np.ndarray:
        """int64 [U + 1]: user u has the events `offsets[u]` to `offsets[u + 1]`."""
        return np.searchsorted(self.user, np.arange(len(self.users) + 1))

    def take(self, events: np.ndarray) -> Interactions:
        """The events at these ascending positions, or where a mask is true; users and products keep their places."""
        columns = ("user", "product", "time", "weight")
        return replace(self, **{name: getattr(self, name)[events] for name in columns})

    def product_counts(self) -> np.ndarray:
        """int64 [P]: how many events each product has."""
        return np.bincount(self.product, minlength=len(self.products))

    @classmethod
    def from_arrays(
        cls,
        users: np.ndarray,
        products: np.ndarray,
        times: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> Interactions:
        """Sorts and numbers M events.

        Args:
            users, products: Ids [M], taken as strings.
            times: Numbers [M]; without them, the order of the events is their time.
            weights: Numbers [M] above 0; without them, each event counts 1.

        Raises:
            DataError: If there is no event, or the arrays differ in length.
        """
        users, products = np.asarray(users).astype(str), np.asarray(products).astype(str)
        times = np.arange(len(users), dtype=np.float64) if times is None else np.asarray(times, dtype=np.float64)
        weights = np.ones(len(users), np.float32) if weights is None else np.asarray(weights, dtype=np.float32)
        if not len(users) or {len(products), len(times), len(weights)} != {len(users)}:
            lengths = [len(users), len(products), len(times), len(weights)]
            raise DataError(f"Users, products, times and weights must be equally long and not empty; got {lengths}.")
        names, user = np.unique(users, return_inverse=True)
        goods, product = np.unique(products, return_inverse=True)
        order = np.lexsort((times, user))
        columns = (user.astype(np.int64), product.astype(np.int64), times, weights)
        return cls(names, goods, *(column[order] for column in columns))


def load_interactions(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    event_weights: Mapping[str, float] | None = None,
    strict: bool = False,
    limit: int = 0,
    encoding: str = "",
) -> Interactions:
    """Reads a table of interactions.

    Args:
        path: CSV, TSV, JSON Lines or Parquet with `user_id`, `product_id`, `timestamp` (a number or ISO 8601) and
            optionally `event` and `weight`.
        columns: From our name to the table's, where they differ: `{"product_id": "item_id"}`.
        event_weights: What each kind of `event` counts; a kind that is not named is left out. Multiplies `weight`.
        strict: A bad row is an error instead of being left out and listed in `Interactions.rejected`.
        limit: Rows to read, from the top; 0: all.
        encoding: Of the text; by default it is detected.

    Raises:
        DataError: If the file cannot be read, a column is missing, no row is left, or `strict` and a row is bad.
    """
    path = Path(path)
    lines: list[BadLine] = []
    table = _rename(read_table(path, limit=limit, encoding=encoding, bad=lines), columns or {}, path)
    weights = _weights(table, event_weights, path)
    times = _times(table["timestamp"])
    faults = _faults(table, times, weights)
    rejected = _rejected(table, faults, lines)
    message = tell_rejected(rejected, len(table) + len(lines), path, strict=strict)
    if message:
        logger.warning(message)
    kept = (faults == "").to_numpy() & (weights > 0)
    if not kept.any():
        raise DataError(f"{path} has no usable row." + (f" {message}" if message else ""))
    rows = table[kept]
    events = Interactions.from_arrays(rows["user_id"], rows["product_id"], times[kept], weights[kept])
    return replace(events, rejected=rejected)


def _rename(table: pd.DataFrame, columns: Mapping[str, str], path: Path) -> pd.DataFrame:
    have = ", ".join(table.columns)
    table = rename_columns(table, columns, path)
    for name in COLUMNS:
        if name not in table.columns:
            raise DataError(f"{path} has no column {name!r}. It has: {have}. Name it: --column {name}=NAME.")
    return table


def _times(cells: pd.Series) -> np.ndarray:
    """Seconds since 1970, or the number that stands there: float64 [M], nan where it is neither."""
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    words = np.isnan(numbers) & (cells != "").to_numpy()
    if words.any():
        moments = pd.to_datetime(cells[words], errors="coerce", utc=True, format="ISO8601")
        seconds = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
        numbers = numbers.copy()
        numbers[words] = seconds.to_numpy(np.float64, na_value=np.nan)
    return numbers


def _weights(table: pd.DataFrame, event_weights: Mapping[str, float] | None, path: Path) -> np.ndarray:
    """float64 [M]: nan where a weight is no number, 0 where an event is not wanted."""
    weights = np.ones(len(table))
    if "weight" in table.columns:
        cells = table["weight"].where(table["weight"] != "", "1")
        weights = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        weights = np.where(weights > 0, weights, np.nan)
    if event_weights is not None:
        if "event" not in table.columns:
            raise DataError(f"{path} has no column 'event' to weigh. It has: {', '.join(table.columns)}.")
        weights = weights * table["event"].map(dict(event_weights)).fillna(0).to_numpy(np.float64)
    return weights


def _faults(table: pd.DataFrame, times: np.ndarray, weights: np.ndarray) -> pd.Series:
    """What is wrong with each row, `column: reason`, `""` where nothing is."""
    faults = pd.Series("", index=table.index, dtype=object)
    faults[~np.isfinite(weights)] = "weight: it must be a number above 0"
    faults[~np.isfinite(times)] = "timestamp: it must be a number or a date such as 2024-03-01T12:00:00Z"
    faults[(table["product_id"] == "").to_numpy()] = "product_id: it is empty"
    faults[(table["user_id"] == "").to_numpy()] = "user_id: it is empty"
    return faults


def _rejected(table: pd.DataFrame, faults: pd.Series, lines: list[BadLine]) -> pd.DataFrame:
    bad = faults[faults != ""]
    rows = [(row, table["user_id"][row], *fault.split(": ", 1)) for row, fault in bad.items()]
    rows += [(bad_line.line, "", "", bad_line.reason) for bad_line in lines]
    return pd.DataFrame(sorted(rows, key=lambda row: row[0]), columns=list(REJECTED_COLUMNS))
