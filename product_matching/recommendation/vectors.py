"""Vectors: their directions, their cosines, and tensors as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np


def cosine(queries: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Cosines float32 [Q, N] of vectors [Q, D] with vectors [N, D]; 0 where either is zero."""
    return unit(queries) @ unit(items).T


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [N, D] at length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def as_array(tensor: Any) -> np.ndarray:
    """A tensor or a weight of whichever Keras backend runs, as an array that may be written to."""
    from keras import ops

    return np.array(ops.convert_to_numpy(tensor))
