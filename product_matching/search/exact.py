"""Exact search: every inner product, in blocks. Enough for small catalogues, the oracle for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from product_matching._types import FloatArray
from product_matching.errors import DataError
from product_matching.search.protocol import as_vectors, check_k, in_order
from product_matching.search.stored_vectors import StoredVectors

BLOCK_SCORES = 1 << 24  # scores held at a time: 64 MiB


class ExactIndex:
    """Compares a query with every vector.

    >>> index = ExactIndex.build([[1.0, 0.0], [0.0, 1.0]])
    >>> index.search([[0.2, 0.9]], k=1)
    (array([[1]]), array([[0.9]], dtype=float32))
    """

    def __init__(self, vectors: np.ndarray | StoredVectors) -> None:
        self.stored = vectors if isinstance(vectors, StoredVectors) else StoredVectors(vectors)
        self.size, self.dim = self.stored.shape
        self.info: dict[str, Any] = {}

    @classmethod
    def build(cls, vectors: ArrayLike, *, seed: int = 0, vector_type: str = "float32") -> Self:
        """Takes float vectors `[N, D]`.

        Args:
            vectors: Float `[N, D]`.
            seed: Not used, as nothing here is random.
            vector_type: What they are kept as; small ones are searched exactly, too, but are not quite what came.
        """
        del seed
        return cls(StoredVectors.encoded(as_vectors(vectors), vector_type))

    @property
    def vectors(self) -> FloatArray:
        """All of them, float32 `[N, D]`; widened where they are kept smaller, so prefer `rows`."""
        return self.stored.values if self.stored.kind == "float32" else self.stored[:]

    def rows(self, places: int | np.ndarray) -> FloatArray:
        """The vectors at these positions, float32 `[n, D]`, or `[D]` for one."""
        return self.stored[places]

    def search(
        self, queries: ArrayLike, k: int, *, subset: np.ndarray | None = None, less: FloatArray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the best k of each query, float `[Q, D]`, among all vectors or a subset of them.

        Args:
            queries: Float `[Q, D]`.
            k: How many to return.
            subset: Ascending positions, int64 `[M]`, of the vectors that may be returned.
            less: What is taken from the score of each vector, float32 `[N]`.

        Returns:
            Positions in the whole index, int64 `[Q, k]`, and scores, float32 `[Q, k]`, as
            `VectorIndex.search`.
        """
        check_k(k)
        vectors = as_vectors(queries, dim=self.dim, what="queries")
        known = self.size if subset is None else len(subset)
        results = np.full((len(vectors), k), -1, np.int64), np.full((len(vectors), k), -np.inf, np.float32)
        if not known:
            return results
        step = max(1, BLOCK_SCORES // self.stored.block_rows)
        for start in range(0, len(vectors), step):
            part = slice(start, start + step)
            results[0][part], results[1][part] = self._search(vectors[part], k, subset, less)
        return results

    def inner(self, query: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Inner products of a query, float32 `[D]`, with the vectors at these positions, float32 `[n]`."""
        # Copying most of a large table costs more than the products with the rest of it.
        if len(places) <= self.size // 2:
            return self.stored.inner(query, places)
        return np.concatenate([self.stored.inner(query, rows) for rows in self.stored.blocks()])[places]

    def save(self, folder: Path) -> None:
        """Writes the vectors."""
        self.stored.save(Path(folder))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Maps the vectors into memory: pages are read when a search first touches them.

        Raises:
            BundleError: If a file is missing or holds something else.
        """
        return cls(StoredVectors.load(Path(folder)))

    def _search(
        self, queries: FloatArray, k: int, subset: np.ndarray | None, less: FloatArray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        positions, scores = np.full((len(queries), 0), -1), np.full((len(queries), 0), -np.inf, np.float32)
        for rows, columns, places in self._pieces(subset):
            inner = self.stored.inner(queries, rows)
            if less is not None:
                inner = inner - less[rows]
            found, best = _best(inner if columns is None else inner[:, columns], k)
            found = found + rows.start if places is None else places[found]
            positions, scores = in_order(np.hstack([positions, found]), np.hstack([scores, best]), k)
        return positions, scores

    def _pieces(
        self, subset: np.ndarray | None
    ) -> Iterator[tuple[slice | np.ndarray, np.ndarray | None, np.ndarray | None]]:
        """The rows to multiply with, which columns of the product to keep, and whose they are; None: all, in order."""
        if subset is None:
            yield from ((block, None, None) for block in self.stored.blocks())
            return
        if subset.min() < 0 or subset.max() >= self.size:
            raise DataError(f"subset must hold positions from 0 to {self.size - 1}.")
        for block in self.stored.blocks():
            inside = subset[slice(*np.searchsorted(subset, [block.start, block.stop]))]
            # Copying most of a large table costs more than the products with the rest of it.
            if len(inside) > (block.stop - block.start) // 2:
                yield block, inside - block.start, inside
            elif len(inside):
                yield inside, None, inside


def _best(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The best k columns of each row, or all, in order, equal scores by column."""
    rows, columns = scores.shape
    if k >= columns:
        return in_order(np.broadcast_to(np.arange(columns), scores.shape), scores, columns)
    smallest = np.partition(scores, columns - k, axis=1)[:, columns - k]
    candidates = [np.flatnonzero(line >= least) for line, least in zip(scores, smallest, strict=True)]
    # argpartition would take any of the items that tie for the last place; these are all of them, in order.
    found = np.empty((rows, k), dtype=np.int64)
    for row, places in enumerate(candidates):
        found[row] = places[np.argsort(-scores[row, places], kind="stable")[:k]]
    return found, np.take_along_axis(scores, found, axis=1)
