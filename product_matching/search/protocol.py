"""What an index over product vectors can do, whatever library is behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import ConfigError, DataError


class VectorIndex(Protocol):
    """Finds the vectors with the largest inner products.

    Attributes:
        size: How many vectors it holds, N.
        dim: Their length, D.
        info: Figures about the index worth keeping, for example the recall it was tuned to; JSON types only.
    """

    size: int
    dim: int
    info: dict[str, Any]

    @classmethod
    def build(cls, vectors: ArrayLike, *, seed: int = 0) -> Self:
        """Indexes vectors, float `[N, D]`; they are known by their position from now on."""
        ...

    def search(self, queries: ArrayLike, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Finds the best k of each query, float `[Q, D]`.

        Returns:
            Positions, int64 `[Q, k]`, and inner products, float32 `[Q, k]`: the highest first, equal ones by
            position. Where k exceeds N, the rest is -1 and -inf.
        """
        ...

    def save(self, folder: Path) -> None:
        """Writes the index into a folder, which may be moved afterwards."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            BundleError: If a file is missing or damaged.
        """
        ...


def as_vectors(vectors: ArrayLike, *, dim: int | None = None, what: str = "vectors") -> np.ndarray:
    """Returns finite vectors as C-ordered float32 `[N, D]`, without a copy where they are that already.

    Raises:
        DataError: If the shape is not `[N, dim]`, D is 0, or a value is nan or infinite.
    """
    array = _numbers(vectors, what)
    if array.ndim != 2 or array.shape[1] == 0 or dim not in (None, array.shape[1]):
        raise DataError(f"{what} must have the shape [N, {dim or 'D'}], not {list(array.shape)}.")
    # One sum is nan or infinite where any value is, and needs no table of booleans.
    if not np.isfinite(array.sum(dtype=np.float64)):
        raise DataError(f"{what} must be finite: they hold nan or an infinity.")
    return array


def as_queries(queries: ArrayLike, dim: int) -> np.ndarray:
    """Returns one query, float `[dim]`, or several, `[Q, dim]`, as finite float32 `[Q, dim]`."""
    array = _numbers(queries, "query")
    return as_vectors(array[None] if array.ndim == 1 else array, dim=dim, what="query")


def check_k(k: int) -> None:
    """Refuses a number of results below 1."""
    if k < 1:
        raise ConfigError(f"k must be 1 or more, not {k}.")


def in_order(positions: np.ndarray, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorts candidates, `[Q, C]`, as `VectorIndex.search` promises, and cuts or pads them to `[Q, k]`.

    A candidate that is none has the position -1 and the score -inf.
    """
    order = np.lexsort((positions, -scores), axis=1)[:, :k]
    best = np.full((len(scores), k), -1, dtype=np.int64), np.full((len(scores), k), -np.inf, dtype=np.float32)
    best[0][:, : order.shape[1]] = np.take_along_axis(positions, order, axis=1)
    best[1][:, : order.shape[1]] = np.take_along_axis(scores, order, axis=1)
    return best


def _numbers(values: ArrayLike, what: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must be numbers in rows of one length ({error}).") from error
