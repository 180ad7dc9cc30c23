"""Cosines of vectors, and tensors as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from product_matching._vectors import unit


def cosine(queries: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Cosines float32 [Q, N] of vectors [Q, D] with vectors [N, D]; 0 where either is zero."""
    return unit(queries) @ unit(items).T


def as_array(tensor: Any) -> np.ndarray:
    """A tensor or a weight of whichever Keras backend runs, as an array that may be written to."""
    from keras import ops

    return np.array(ops.convert_to_numpy(tensor))
