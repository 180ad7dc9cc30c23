"""Vectors of length 1."""

from __future__ import annotations

from keras import ops

from product_matching._types import Tensor

SMALLEST = 1e-12
"""Square of the length below which a vector is left short."""


def unit(vectors: Tensor) -> Tensor:
    """X / |x| over the last axis, [..., D]; zeros stay zeros, and have a gradient.

    `ops.normalize` takes the root of their length first, whose gradient at 0 is not a number on JAX and PyTorch: one
    product without a picture would spoil all weights.
    """
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squares, SMALLEST))
