"""Beyond accuracy: how much of the range a set of result lists shows, how evenly, how new and how varied."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import DataError


def catalog_coverage(lists: ArrayLike, products: int) -> float:
    """Share of the products that stand in some list: 0 to 1. `lists` is int [B, k], -1 where there are fewer."""
    return float((_shown(lists, products) > 0).mean())


def gini_index(lists: ArrayLike, products: int) -> float:
    """How unevenly the places of the lists go to the products: 0 all alike, towards 1 one takes all.

    `Σ (2i - N - 1) n_i / (N Σ n_i)` over the N counts n in ascending order; 0 where nothing is shown.
    """
    shown = np.sort(_shown(lists, products)).astype(np.float64)
    places = np.arange(1, products + 1)
    return float(((2 * places - products - 1) * shown).sum() / (products * max(shown.sum(), 1)))


def novelty(lists: ArrayLike, counts: ArrayLike) -> float:
    """Mean surprise of a listed product in bits: -log2 of its share of the events (Zhou et al., 2010).

    Each product counts one event more, so that what nobody took yet is very new, not infinitely. nan without a result.

    Args:
        lists: int [B, k], -1 where there are fewer.
        counts: int [N], events of each product.
    """
    events = np.asarray(counts, dtype=np.float64)
    listed = _listed(lists, len(events))
    surprise = -np.log2((events + 1) / (events.sum() + len(events)))
    return float(surprise[listed].mean()) if listed.size else float("nan")


def list_diversity(lists: ArrayLike, vectors: ArrayLike) -> float:
    """Mean of 1 - cosine over the pairs within a list, then over the lists of two or more (Ziegler et al., 2005).

    Args:
        lists: int [B, k], -1 where there are fewer.
        vectors: float [N, D], one a product.

    Returns:
        0 (all alike) to 2; nan where no list has two products.
    """
    matrix = np.asarray(vectors, dtype=np.float64)
    table = np.asarray(lists, dtype=np.int64)
    _listed(table, len(matrix))
    units = matrix / np.linalg.norm(matrix, axis=1, keepdims=True).clip(1e-12)
    values = []
    for row in table:
        chosen = units[row[row >= 0]]
        if len(chosen) > 1:
            # The sum over all ordered pairs is |Σ u|², less the n pairs of a product with itself.
            pairs = len(chosen) * (len(chosen) - 1)
            values.append(1 - (np.square(chosen.sum(axis=0)).sum() - np.square(chosen).sum()) / pairs)
    return float(np.mean(values)) if values else float("nan")


def _shown(lists: ArrayLike, products: int) -> np.ndarray:
    return np.bincount(_listed(lists, products), minlength=products)


def _listed(lists: ArrayLike, products: int) -> np.ndarray:
    listed = np.asarray(lists, dtype=np.int64)
    listed = listed[listed >= 0]
    if products < 1 or (listed.size and listed.max() >= products):
        raise DataError(f"Lists name products by position, below {products}; the highest is {listed.max(initial=-1)}.")
    return listed
