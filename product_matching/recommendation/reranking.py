"""What a shop wants of a list beside likeness: variety, news, stock, margin, room for every category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from product_matching._vectors import unit
from product_matching.errors import ConfigError, DataError


@dataclass(frozen=True)
class Aims:
    """How much each aim weighs against the score, which is scaled to 0 to 1 within the list.

    Attributes:
        freshness: Weight of 2^(-age / half_life).
        half_life: In the unit of the ages.
        margin: Weight of the margin, a share of the price from 0 to 1.
        least_stock: Products with fewer pieces are left out.
    """

    freshness: float = 0.0
    half_life: float = 30.0
    margin: float = 0.0
    least_stock: float = 1.0

    def __post_init__(self) -> None:
        if self.freshness < 0 or self.margin < 0 or not self.half_life > 0:
            raise ConfigError(f"freshness and margin must not be below 0, half_life must be above 0; got {self}.")


def weigh(
    scores: ArrayLike,
    aims: Aims,
    *,
    ages: ArrayLike | None = None,
    margins: ArrayLike | None = None,
    stock: ArrayLike | None = None,
) -> np.ndarray:
    """Adds the aims to the scores of one list.

    Args:
        scores: [C], finite.
        aims: Their weights.
        ages: [C], time since each product came; nan: old.
        margins: [C], 0 to 1; nan: 0.
        stock: [C], pieces; nan: enough.

    Returns:
        float64 [C], -inf for what is out of stock.

    Raises:
        DataError: If a length does not fit.
    """
    values = _column("scores", scores, None)
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    result = (values - low) / (high - low) if high > low else np.zeros(len(values))
    if ages is not None:
        fresh = np.exp2(-_column("ages", ages, len(values)) / aims.half_life)
        result = result + aims.freshness * np.nan_to_num(fresh, nan=0.0)
    if margins is not None:
        result = result + aims.margin * np.nan_to_num(_column("margins", margins, len(values)), nan=0.0)
    if stock is not None:
        result = np.where(_column("stock", stock, len(values)) < aims.least_stock, -np.inf, result)
    return result


def diversify(scores: ArrayLike, vectors: np.ndarray, *, k: int, balance: float = 0.7) -> np.ndarray:
    """Maximal marginal relevance (Carbonell and Goldstein, 1998).

    Takes, one after the other, the product with the largest `balance · score - (1 - balance) · max cos(it, taken)`, the
    scores scaled to 0 to 1.

    Args:
        scores: [C]; -inf is never taken.
        vectors: float [C, D].
        k: How many to take.
        balance: 1: by score alone; 0: by unlikeness alone.

    Returns:
        int64 [min(k, candidates left)]: places in the list.
    """
    if not 0 <= balance <= 1:
        raise ConfigError(f"balance must be between 0 and 1; got {balance}.")
    values = _column("scores", scores, len(vectors))
    allowed = np.isfinite(values)
    low, high = (values[allowed].min(), values[allowed].max()) if allowed.any() else (0.0, 1.0)
    scaled = (values - low) / (high - low) if high > low else np.where(allowed, 0.0, -np.inf)
    directions = unit(np.asarray(vectors, dtype=np.float32))
    likeness = np.zeros(len(values))  # nothing is taken yet, so nothing is like it
    taken: list[int] = []
    for _ in range(min(k, int(allowed.sum()))):
        value = np.where(allowed, balance * scaled - (1 - balance) * likeness, -np.inf)
        best = int(value.argmax())
        cosines = directions @ directions[best]
        likeness = cosines if not taken else np.maximum(likeness, cosines)
        taken.append(best)
        allowed[best] = False
    return np.array(taken, dtype=np.int64)


def within_quotas(categories: Sequence[str], quotas: Mapping[str, int] | int, *, k: int) -> np.ndarray:
    """Lets at most so many products of a category into the first k; the others move behind, in their order.

    Args:
        categories: [C], of the products in the order of the list.
        quotas: The most of each category that is named, or of every category.
        k: Places that the quotas hold for.

    Returns:
        int64 [C]: places in the list, in the new order. Where the quotas leave fewer than k, what they kept back fills
        the list.
    """
    counts: dict[str, int] = {}
    first: list[int] = []
    rest: list[int] = []
    for place, category in enumerate(categories):
        most = quotas if isinstance(quotas, int) else quotas.get(category, k)
        if len(first) < k and counts.get(category, 0) < most:
            counts[category] = counts.get(category, 0) + 1
            first.append(place)
        else:
            rest.append(place)
    return np.array(first + rest, dtype=np.int64)


def _column(name: str, values: ArrayLike, length: int | None) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or (length is not None and len(array) != length):
        raise DataError(f"{name} must have the shape [{'C' if length is None else length}]; got {list(array.shape)}.")
    return array
