"""Retrieval where much is relevant: all products of a kind, all red ones. What counts is the head of the list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import ConfigError, DataError
from product_matching.metrics.checks import finite_matrix
from product_matching.metrics.searching import Blocks, blocks


def list_metrics(
    queries: ArrayLike,
    gallery: ArrayLike,
    relevant: Sequence[ArrayLike],
    *,
    left_out: Sequence[ArrayLike] | None = None,
    k: int = 10,
    chunk: int = 512,
) -> dict[str, float | int]:
    """Measures the first k results of every query; equal scores stand in the order of the gallery.

    Args:
        queries: float `[Q, D]`.
        gallery: float `[G, D]`; an item's score is its inner product with the query.
        relevant: For each query the positions in the gallery of what is relevant, int, ascending; queries without any
            are not counted. Queries may share an array.
        left_out: For each query the positions of what is not to be found, ascending, such as the query itself.
        k: Length of the lists.
        chunk: Queries scored at a time.

    Returns:
        `precision@1`, `precision@k`, `ndcg@k` (gains 0 and 1) and `mrr` (over the whole gallery), means over the
        queries; `expected`: the `precision@k` of a random order; `queries`; `gallery`.

    Raises:
        ConfigError: If k or chunk is below 1.
        DataError: If arrays do not fit, or no query has anything relevant.
    """
    vectors, items = finite_matrix("queries", queries), finite_matrix("gallery", gallery)
    if min(k, chunk) < 1:
        raise ConfigError(f"k and chunk must be 1 or more; they are {k} and {chunk}.")
    if vectors.shape[1] != items.shape[1] or len(relevant) != len(vectors):
        raise DataError(
            f"queries {vectors.shape}, gallery {items.shape} and {len(relevant)} sets of relevant items do not fit."
        )
    return measure_lists(blocks(vectors, items, chunk), len(items), relevant, left_out=left_out, k=k)


def measure_lists(
    scored: Blocks,
    gallery: int,
    relevant: Sequence[ArrayLike],
    *,
    left_out: Sequence[ArrayLike] | None = None,
    k: int = 10,
) -> dict[str, float | int]:
    """As `list_metrics`, of scores that something else gives; `gallery` is how many items were scored."""
    rows = []
    for start, scores in scored:
        for query, line in enumerate(scores, start):
            hidden = np.asarray(left_out[query] if left_out is not None else (), np.int64)
            wanted = np.asarray(relevant[query], np.int64)
            wanted = wanted[~_among(wanted, hidden)]
            if len(wanted):
                line[hidden] = -np.inf
                rows.append([*_measured(line, wanted, k), len(wanted) / max(gallery - len(hidden), 1)])
    if not rows:
        raise DataError("No query has a relevant item: there is nothing to measure.")
    means = np.mean(rows, axis=0).tolist()
    names = ("precision@1", f"precision@{k}", f"ndcg@{k}", "mrr", "expected")
    return {**dict(zip(names, means, strict=True)), "queries": len(rows), "gallery": gallery}


def _measured(scores: np.ndarray, wanted: np.ndarray, k: int) -> tuple[float, float, float, float]:
    """Precision at 1 and k, nDCG at k and the reciprocal rank of one query's scores `[G]`."""
    hits = _among(_best(scores, k), wanted)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    gained = float(discounts[: len(hits)][hits].sum() / discounts[: min(k, len(wanted))].sum())
    if hits.any():
        rank = 1 + int(np.argmax(hits))
    else:
        best = scores[wanted].max()
        place = wanted[np.argmax(scores[wanted] == best)]
        rank = 1 + np.count_nonzero(scores > best) + np.count_nonzero(scores[:place] == best)
    return float(hits[0]), float(hits.sum() / k), gained, 1 / rank


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k highest scores, best first, equal ones by position; what is left out is never among them."""
    if k < len(scores):
        found = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    else:
        found = np.arange(len(scores))
    found = found[np.argsort(-scores[found], kind="stable")][:k]
    return found[np.isfinite(scores[found])]


def _among(positions: np.ndarray, sorted_ones: np.ndarray) -> np.ndarray:
    """Which positions are among others, which ascend: bool; by bisection, as these may be half of the gallery."""
    if not len(sorted_ones):
        return np.zeros(len(positions), bool)
    places = np.minimum(np.searchsorted(sorted_ones, positions), len(sorted_ones) - 1)
    return sorted_ones[places] == positions
