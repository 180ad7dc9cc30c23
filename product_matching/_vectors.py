"""Directions of vectors, as arrays; `layers.unit` is that of tensors."""

from __future__ import annotations

import numpy as np

from product_matching._types import FloatArray


def unit(vectors: np.ndarray) -> FloatArray:
    """Vectors [N, D] at length 1, float32; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
