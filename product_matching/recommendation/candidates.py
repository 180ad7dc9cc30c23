"""Candidates of several recommenders, and what the learned ranker is told about each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from product_matching.recommendation.blend import Blend, columns_of, tables_of
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.known import KnownProducts
from product_matching.recommendation.recommender import Recommender
from product_matching.recommendation.top_k import top_k


@dataclass(frozen=True)
class Candidates:
    """Products worth a look, by user.

    Attributes:
        rows: int64 [M], the user of each, ascending.
        products: int64 [M], positions, ascending within a user.
        features: float32 [M, F], see `feature_names`.
    """

    rows: np.ndarray
    products: np.ndarray
    features: np.ndarray


def feature_names(sources: tuple[str, ...] | list[str]) -> list[str]:
    """What the columns of `Candidates.features` mean."""
    own = [f"{what} of {name}" for name in sources for what in ("score", "share of the best score", "1 / rank")]
    return [
        "blend",
        *own,
        "sources",
        "log popularity",
        "log age of the last event",
        "log price",
        "price to habit",
        "history",
    ]


def collect(
    sources: dict[str, Recommender], blend: Blend, histories: Histories, products: KnownProducts, *, each: int
) -> tuple[Candidates, np.ndarray]:
    """Takes the best of the blend and of each source, without what was seen, and describes it.

    Args:
        sources: Fitted recommenders that share `products`.
        blend: Of these sources.
        histories: Of B users.
        products: N of them.
        each: Candidates of each source, and of the blend.

    Returns:
        The candidates, and a score float32 [B, N], -3 to -1, that orders all the rest: the blend's.
    """
    count, everyone = len(products), sources[next(iter(sources))].users.histories
    tables = tables_of(sources, histories)
    blended = blend.scores(list(tables.values()), columns_of(products, everyone))
    blended[histories.rows, histories.products] = -np.inf
    first, step = _settled_top(blended, each)
    best = {name: _settled_top(table, each) for name, table in tables.items()}
    lists = [first, *(places for places, _ in best.values())]
    flat = [(np.arange(len(histories))[:, None] * count + b)[b >= 0] for b in lists]
    rows, places = np.divmod(np.unique(np.concatenate(flat)), count)
    columns = [_of_source(tables[name], *best[name], rows, places) for name in sources]
    votes = np.sum([column[:, 2] > 0 for column in columns], axis=0)
    shared = _of_products(everyone, products)[places]
    price = shared[:, 2] - _habit(histories, products)[rows]
    start = np.round(blended[rows, places] / step[rows, 0]) * step[rows, 0]
    described = [start[:, None], *columns, votes[:, None], shared, price[:, None], histories.lengths[rows][:, None]]
    features = np.concatenate(described, axis=1).astype(np.float32)
    return Candidates(rows, places, features), _rest(blended)


def _settled_top(table: np.ndarray, each: int) -> tuple[np.ndarray, np.ndarray]:
    """The best `each` of each row by scores that are rounded, and the steps of rounding [B, 1].

    A product of matrices differs in its last bits with the size of the batch; trees and ranks would turn that into
    jumps, and a user would get another answer alone than among others. So scores are rounded to 16 bits below the
    user's best.
    """
    best, values = top_k(table, each)
    finite = np.where(best >= 0, np.abs(values), 0).max(axis=1, initial=0, keepdims=True)
    step = np.exp2(np.ceil(np.log2(np.maximum(finite, 1e-30)))) * 2.0**-16
    rounded = np.where(best >= 0, np.round(values / step), -np.inf)
    order = np.lexsort((best, -rounded), axis=1)
    return np.take_along_axis(best, order, axis=1), step


def _of_source(
    table: np.ndarray, best: np.ndarray, step: np.ndarray, rows: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """Score, share of the user's best score, and 1 / rank (0 below the source's list): [M, 3]."""
    ranks = np.zeros(table.shape, dtype=np.float32)
    there = best >= 0
    numbers = np.broadcast_to(1 / np.arange(1, best.shape[1] + 1, dtype=np.float32), best.shape)
    ranks[np.nonzero(there)[0], best[there]] = numbers[there]
    scores = table[rows, places]
    # What the source cannot place counts as what it knows nothing of.
    scores = np.where(np.isfinite(scores), np.round(scores / step[rows, 0]) * step[rows, 0], 0.0)
    top = np.where(there[:, 0], table[np.arange(len(table)), best[:, 0]], 0.0)[rows]
    share = scores / np.where(top > 0, top, np.nan)  # LightGBM knows what is missing
    return np.stack([scores, np.round(share, 4), ranks[rows, places]], axis=1)


def _of_products(events: Histories, products: KnownProducts) -> np.ndarray:
    """Log popularity, log age of the last event, log price: [N, 3], nan where unknown."""
    counts = np.bincount(events.products, events.weights, minlength=len(products))
    latest = np.full(len(products), -np.inf)
    np.maximum.at(latest, events.products, events.times)
    age = np.where(np.isfinite(latest), events.times.max(initial=0) - latest, np.nan)
    price = np.log(np.where(products.prices > 0, products.prices, np.nan))
    return np.stack([np.log1p(counts), np.log1p(age), price], axis=1)


def _habit(histories: Histories, products: KnownProducts) -> np.ndarray:
    """Mean log price of what each user took: [B], nan where unknown."""
    price = np.log(np.where(products.prices > 0, products.prices, np.nan))[histories.products]
    known = np.isfinite(price)
    sums = np.bincount(histories.rows[known], price[known], minlength=len(histories))
    counts = np.bincount(histories.rows[known], minlength=len(histories))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _rest(table: np.ndarray) -> np.ndarray:
    """A score between -3 and -1 in the same order; -3 for what cannot be placed."""
    with np.errstate(invalid="ignore"):
        squashed = table / (1 + np.abs(table)) - 2
    return np.where(np.isneginf(table), -3, squashed).astype(np.float32)
