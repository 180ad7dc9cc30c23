"""Exact search: every inner product, in blocks. Enough for small catalogues, the oracle for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import BundleError, DataError
from product_matching.search.protocol import as_vectors, check_k, in_order

BLOCK_SCORES = 1 << 24  # scores held at a time: 64 MiB
FILE = "vectors.npy"


class ExactIndex:
    """Compares a query with every vector.

    >>> index = ExactIndex.build([[1.0, 0.0], [0.0, 1.0]])
    >>> index.search([[0.2, 0.9]], k=1)
    (array([[1]]), array([[0.9]], dtype=float32))
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors
        self.size, self.dim = vectors.shape
        self.info: dict[str, Any] = {}

    @classmethod
    def build(cls, vectors: ArrayLike, *, seed: int = 0) -> Self:
        """Takes float vectors `[N, D]`; nothing here is random, so the seed is not used."""
        del seed
        return cls(as_vectors(vectors))

    def search(self, queries: ArrayLike, k: int, *, subset: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Finds the best k of each query, float `[Q, D]`, among all vectors or a subset of them.

        Args:
            queries: Float `[Q, D]`.
            k: How many to return.
            subset: Ascending positions, int64 `[M]`, of the vectors that may be returned.

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
        targets, columns = self._targets(subset)
        block = max(1, BLOCK_SCORES // len(targets))
        for start in range(0, len(vectors), block):
            rows = slice(start, start + block)
            scores = vectors[rows] @ targets.T
            found, results[1][rows] = _best(scores if columns is None else scores[:, columns], k)
            results[0][rows] = found if subset is None else np.where(found < 0, -1, subset[found])
        return results

    def inner(self, query: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Inner products of a query, float32 `[D]`, with the vectors at these positions, float32 `[n]`."""
        # Copying most of a large table costs more than the products with the rest of it.
        if len(places) > self.size // 2:
            return (self.vectors @ query)[places]
        return self.vectors[places] @ query

    def save(self, folder: Path) -> None:
        """Writes `vectors.npy`."""
        np.save(Path(folder) / FILE, self.vectors)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Maps `vectors.npy` into memory: pages are read when a search first touches them.

        Raises:
            BundleError: If the file is missing or is not a float32 table.
        """
        path = Path(folder) / FILE
        try:
            vectors = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise BundleError(f"{path} cannot be read ({error}). Build the index again.") from error
        if vectors.ndim != 2 or vectors.dtype != np.float32:
            raise BundleError(f"{path} must hold float32 [N, D], not {vectors.dtype} {list(vectors.shape)}.")
        return cls(vectors)

    def _targets(self, subset: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """The rows to multiply with, and which columns of the product to keep."""
        if subset is None:
            return self.vectors, None
        if subset.min() < 0 or subset.max() >= self.size:
            raise DataError(f"subset must hold positions from 0 to {self.size - 1}.")
        # Copying most of a large table costs more than the products with the rest of it.
        return (self.vectors, subset) if len(subset) > self.size // 2 else (self.vectors[subset], None)


def _best(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The best k columns of each row, `[Q, k]`, equal scores by column."""
    rows, columns = scores.shape
    if k >= columns:
        return in_order(np.broadcast_to(np.arange(columns), scores.shape), scores, k)
    smallest = np.partition(scores, columns - k, axis=1)[:, columns - k]
    candidates = [np.flatnonzero(line >= least) for line, least in zip(scores, smallest, strict=True)]
    # argpartition would take any of the items that tie for the last place; these are all of them, in order.
    found = np.empty((rows, k), dtype=np.int64)
    for row, places in enumerate(candidates):
        found[row] = places[np.argsort(-scores[row, places], kind="stable")[:k]]
    return found, np.take_along_axis(scores, found, axis=1)
