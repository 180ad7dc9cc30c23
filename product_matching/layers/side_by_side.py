"""Vectors of several towers as one."""

from __future__ import annotations

from keras import ops

from product_matching._types import Tensor

EPSILON = 1e-6
"""Added to a variance: small beside that of vectors of length 1 and some hundred numbers, which is near .003."""


def side_by_side(*vectors: Tensor) -> Tensor:
    """Joins vectors of unlike towers, so that each weighs by its width and not by the size of its numbers.

    Args:
        vectors: [B, c] each.

    Returns:
        float32 [B, Σ c]: the vectors one behind the other, each with mean 0 and deviation 1 over its numbers. So the
        whole has that, too, and a layer normalisation that follows leaves it as it is.
    """
    return ops.concatenate([standardised(each) for each in vectors], axis=-1)


def standardised(vectors: Tensor) -> Tensor:
    """Vectors [B, c] with mean 0 and deviation 1 over their numbers: float32."""
    vectors = ops.cast(vectors, "float32")
    mean, variance = ops.moments(vectors, axes=[-1], keepdims=True)
    return (vectors - mean) * ops.rsqrt(variance + EPSILON)
