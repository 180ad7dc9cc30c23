"""What the labels of a score matrix say: which pairs match, which do not, how much each counts."""

from __future__ import annotations

from keras import ops

from product_matching._types import Tensor

FAR = 1e9
"""Beyond every score; stands for "not this pair" where a maximum or a softmax runs over all."""


def positive_weights(z: Tensor) -> Tensor:
    """Weights of matching pairs: z where it is above 0, else 0. z is 1, or a graded relevance of a pair."""
    return ops.maximum(z, 0.0)


def negative_weights(z: Tensor) -> Tensor:
    """Weights of pairs that do not match: -z where it is below 0, else 0."""
    return ops.maximum(-z, 0.0)


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean over the last axis: [..., C] to [...]; 0 where no weight is left."""
    total = ops.sum(weights, axis=-1)
    return ops.sum(weights * values, axis=-1) / ops.where(total > 0, total, ops.ones_like(total))
