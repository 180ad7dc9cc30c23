"""Blocking: the few pairs of two catalogues that are worth a look, out of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching._vectors import unit
from product_matching.model.reranker.weights import WordWeights
from product_matching.model.reranker.words import Words, parse
from product_matching.search.backends import AUTO, build_backend

ROWS = 512
"""Products whose words are compared with all others' at a time."""
EXACT_SCORES = 1 << 30
"""Inner products up to which all are computed, half a minute's work: nobody waits for a link as for a search."""
TUNED_ON = 1000
"""Products of one side to which an approximate index of the other is tuned."""


def by_words(left: Sequence[str], right: Sequence[str], *, k: int = 10) -> IntArray:
    """The k right texts of the highest TF-IDF cosine for each left one, and the other way round.

    Words and model numbers count, so that a rare model number finds its product whatever else the texts say; texts
    without a common word are never a pair.

    Args:
        left, right: Texts.
        k: How many of the other side for each.

    Returns:
        Rows of left and right, int64 [M, 2], each pair once, in order.
    """
    weights = WordWeights.learn([*left, *right])
    columns: dict[str, int] = {}
    a, b = (_matrix([parse(text) for text in side], weights, columns) for side in (left, right))
    width = len(columns)
    for side in (a, b):
        side.resize(side.shape[0], width)
    forward, backward = _best(a, b, k), _best(b, a, k)
    return unique_pairs(np.concatenate([forward, backward[:, ::-1]]))


def by_vectors(left: FloatArray, right: FloatArray, *, k: int = 10, blend: int = 0) -> IntArray:
    """The k right vectors of the highest inner product for each left one, and the other way round.

    Args:
        left, right: float32 [N, D] and [M, D], of length 1.
        k: How many of the other side for each.
        blend: Looks a second time, by vectors blended with so many neighbours, see `blended`; 0: once.

    Returns:
        Rows of left and right, int64 [P, 2], each pair once, in order.
    """
    pairs = [_nearest(left, right, k), _nearest(right, left, k)[:, ::-1]]
    if blend:
        both = blended(np.concatenate([left, right]), blend)
        pairs.append(by_vectors(both[: len(left)], both[len(left) :], k=k))
    return unique_pairs(np.concatenate(pairs))


def blended(vectors: FloatArray, neighbours: int, *, power: float = 3.0) -> FloatArray:
    """Each vector with its nearest, weighted by their cosine to a power: v + Σ max(⟨v, n⟩, 0)^α n, of length 1 again.

    Listings of one product that are no neighbours of each other come together where a third is near to both. This is
    α-weighted query expansion, done to all vectors (Radenović et al. 2018, "Fine-tuning CNN image retrieval with no
    human annotation", arXiv:1711.02512, section 3.6).

    Args:
        vectors: float32 [N, D], of length 1 or, for a product without anything, 0.
        neighbours: How many; at most N - 1 are there.
        power: α.
    """
    if len(vectors) < 2:
        return vectors
    count = min(neighbours + 1, len(vectors))  # a vector finds itself, or what equals it
    found, cosines = _search(vectors, vectors, count)
    weights = np.where(found >= 0, np.maximum(cosines, 0), 0) ** power
    sums = np.zeros_like(vectors)
    for column in range(count):
        sums += weights[:, column, None] * vectors[found[:, column]]
    return unit(sums)


def _nearest(queries: FloatArray, gallery: FloatArray, k: int) -> IntArray:
    found, _ = _search(queries, gallery, min(k, len(gallery)))
    pairs = np.stack([np.repeat(np.arange(len(queries)), found.shape[1]), found.ravel()], axis=1)
    return pairs[pairs[:, 1] >= 0]


def _search(queries: FloatArray, gallery: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    backend = "exact" if len(queries) * len(gallery) <= EXACT_SCORES else AUTO
    return build_backend(backend, gallery, tuning_queries=queries[:TUNED_ON]).search(queries, k)


def unique_pairs(pairs: IntArray) -> IntArray:
    """Each pair once, in order: int64 [M, 2] to [U, 2]."""
    return np.unique(pairs.reshape(-1, 2), axis=0).astype(np.int64)


def _matrix(texts: Sequence[Words], weights: WordWeights, columns: dict[str, int]) -> Any:
    """Rows of length 1: scipy.sparse CSR [N, words]; new words get the next columns."""
    from scipy import sparse

    starts, places, values = [0], [], []
    for text in texts:
        words = list(text.counts.keys() | text.codes)
        row = np.array([weights.idf(word) for word in words])
        places += [columns.setdefault(word, len(columns)) for word in words]
        values.append(row / (np.linalg.norm(row) or 1.0))
        starts.append(len(places))
    data = np.concatenate(values) if values else np.zeros(0)
    return sparse.csr_matrix((data.astype(np.float32), places, starts), shape=(len(texts), max(len(columns), 1)))


def _best(queries: Any, gallery: Any, k: int) -> IntArray:
    transposed, pairs = gallery.T.tocsr(), [np.zeros((0, 2), np.int64)]
    for start in range(0, queries.shape[0], ROWS):
        found = (queries[start : start + ROWS] @ transposed).tocsr()
        for row in range(found.shape[0]):
            span = slice(found.indptr[row], found.indptr[row + 1])
            # Equal cosines are ordered by place, so that the result does not depend on how they were computed.
            order = np.lexsort((found.indices[span], -found.data[span]))[:k]
            chosen = found.indices[span][order]
            pairs.append(np.stack([np.full(len(chosen), start + row), chosen], axis=1))
    return np.concatenate(pairs)
