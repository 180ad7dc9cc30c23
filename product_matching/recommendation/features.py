"""What is known of products beside who took them: vectors and prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import DataError


@dataclass(frozen=True)
class ProductFeatures:
    """The catalogue as recommenders see it, in the order of `product_ids`.

    Attributes:
        product_ids: str [N], unique; products that nobody took yet belong here too.
        vectors: float32 [N, D], R_i of the bundle's index or any other; a row of zeros is a product without one.
        prices: float64 [N], nan where unknown.
    """

    product_ids: np.ndarray
    vectors: np.ndarray | None = None
    prices: np.ndarray | None = None

    @classmethod
    def of(
        cls, product_ids: Sequence[str], vectors: ArrayLike | None = None, *, prices: ArrayLike | None = None
    ) -> ProductFeatures:
        """Checks and converts.

        Raises:
            DataError: If an id repeats, a length does not fit, or a vector is not finite.
        """
        ids = np.asarray(product_ids).astype(str)
        names, counts = np.unique(ids, return_counts=True)
        if counts.size and counts.max() > 1:
            raise DataError(f"product_id must be unique; {names[counts.argmax()]!r} stands {counts.max()} times.")
        if vectors is not None:
            vectors = np.asarray(vectors, dtype=np.float32)
            if vectors.ndim != 2 or len(vectors) != len(ids) or not np.isfinite(vectors.sum(dtype=np.float64)):
                raise DataError(f"vectors must be finite, of the shape [{len(ids)}, D]; got {list(vectors.shape)}.")
        if prices is not None:
            prices = np.asarray(prices, dtype=np.float64)
            if prices.shape != ids.shape:
                raise DataError(f"prices must have the shape [{len(ids)}]; got {list(prices.shape)}.")
        return cls(ids, vectors, prices)
