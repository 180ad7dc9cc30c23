"""Shoppers with tastes of their own, and what they bought."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

_START = datetime(2024, 3, 1, tzinfo=UTC)
_DAYS = 180
_FEWEST, _MOST = 8, 40
_WHIM = 0.08  # share of purchases that no taste explains: gifts, errands
_AGAIN = 0.02  # share of purchases that repeat an earlier one

# How strongly each attribute counts: standard deviation of a shopper's liking for its values.
_WEIGHT = {"kind": 1.5, "colour": 0.9, "pattern": 0.7, "brand": 0.6, "material": 0.4}


def buy(catalog: pd.DataFrame, *, shoppers: int, seed: int) -> pd.DataFrame:
    """Lets every shopper buy 8 to 40 products by taste, price and popularity.

    Args:
        catalog: the sample shop's catalogue.
        shoppers: number of shoppers.
        seed: seed of all draws.

    Returns:
        A table of user_id, product_id, timestamp (ISO 8601) and event, sorted by time.
    """
    rng = np.random.default_rng([seed, len(catalog), shoppers])
    appeal = -0.7 * np.log1p(rng.permutation(len(catalog)))
    columns = {name: pd.factorize(catalog[name])[0] for name in _WEIGHT}
    price = np.log(catalog["price"].to_numpy(float) / catalog.groupby("kind")["price"].transform("median"))
    rows: list[tuple[str, int, datetime]] = []
    for shopper in range(shoppers):
        liking = appeal + _taste(columns, price.to_numpy(), rng)
        bought = _basket(liking, rng)
        moments = _moments(len(bought), rng)
        rows += [(f"U{shopper + 1:04d}", int(place), at) for place, at in zip(bought, moments, strict=True)]
    return _as_table(rows, catalog["product_id"].to_numpy())


def _taste(columns: dict[str, np.ndarray], price: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[products] how much one shopper likes each: the sum over its attribute values, less the price."""
    liking = -rng.gamma(2.0, 0.5) * price
    for name, codes in columns.items():
        values = rng.normal(0.0, _WEIGHT[name], codes.max() + 1)
        liking = liking + values[codes]
    return liking


def _basket(liking: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers of the products bought, in order: distinct ones, but for a rare second purchase."""
    count = min(int(rng.integers(_FEWEST, _MOST + 1)), max(1, len(liking) // 2))
    # The largest of liking + Gumbel noise are a draw without replacement, proportional to exp(liking).
    chosen = np.argsort(-(liking + rng.gumbel(size=len(liking))))[:count]
    rng.shuffle(chosen)
    others = np.setdiff1d(np.arange(len(liking)), chosen)
    whims = rng.random(count) < _WHIM
    if len(others):
        chosen[whims] = rng.choice(others, min(whims.sum(), len(others)), replace=False)
    for place in np.flatnonzero(rng.random(count) < _AGAIN):
        chosen[place] = chosen[rng.integers(place + 1)]
    return chosen


def _moments(count: int, rng: np.random.Generator) -> list[datetime]:
    seconds = np.sort(rng.integers(0, _DAYS * 86_400, count))
    return [_START + timedelta(seconds=int(second)) for second in seconds]


def _as_table(rows: list[tuple[str, int, datetime]], product_ids: np.ndarray) -> pd.DataFrame:
    rows = sorted(rows, key=lambda row: (row[2], row[0]))
    return pd.DataFrame(
        {
            "user_id": [user for user, _, _ in rows],
            "product_id": [product_ids[place] for _, place, _ in rows],
            "timestamp": [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for _, _, moment in rows],
            "event": "purchase",
        }
    )
