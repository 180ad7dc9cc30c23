"""Pooling of a sequence of vectors to one."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor


def cls_pooling(sequence: Tensor, mask: Tensor) -> Tensor:
    """The first vector: [B, L, c], bool [B, L] to [B, c]."""
    return sequence[:, 0]


def mean_pooling(sequence: Tensor, mask: Tensor) -> Tensor:
    """The mean over what the mask shows: [B, L, c], bool [B, L] to [B, c]; zeros where it shows nothing."""
    mask = ops.cast(mask, sequence.dtype)[..., None]
    return ops.sum(sequence * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1)


def last_pooling(sequence: Tensor, mask: Tensor) -> Tensor:
    """The last vector that the mask shows, which in a causal model has seen all others: [B, L, c] to [B, c]."""
    last = ops.maximum(ops.sum(ops.cast(mask, "int32"), axis=1) - 1, 0)
    return ops.take_along_axis(sequence, last[:, None, None], axis=1)[:, 0]


@keras.saving.register_keras_serializable("product_matching")
class AttentionPooling(keras.layers.Layer):
    """Σ_i a_i · x_i with a = softmax(x · q), over what the mask shows; q is learned.

    q starts at zero, so that training begins from the mean.

    Example:
        >>> AttentionPooling()(np.ones((2, 5, 8), "float32"), np.ones((2, 5), bool)).shape
        (2, 8)
    """

    def build(self, sequence_shape: tuple[int | None, ...], mask_shape: Any = None) -> None:
        self.query = self.add_weight(shape=(sequence_shape[-1], 1), initializer="zeros", name="query")
        self.built = True

    def call(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """Pools [B, L, c], bool [B, L] to [B, c]."""
        scores = ops.cast(ops.matmul(sequence, ops.cast(self.query, sequence.dtype)), "float32")
        hidden = ops.cast(ops.logical_not(ops.cast(mask, "bool")), "float32")[..., None]
        weights = ops.softmax(scores - 1e9 * hidden, axis=1)
        return ops.sum(sequence * ops.cast(weights, sequence.dtype), axis=1)

    def compute_output_shape(self, sequence_shape: tuple[int | None, ...], mask_shape: Any = None) -> tuple:
        return (sequence_shape[0], sequence_shape[-1])


@keras.saving.register_keras_serializable("product_matching")
class GeneralizedMeanPooling(keras.layers.Layer):
    """(mean_i max(x_i, ε)^p)^(1/p) over the positions, p learned: between the mean (p = 1) and the maximum (p = ∞).

    Radenović, Tolias and Chum 2018, "Fine-tuning CNN image retrieval with no human annotation" (arXiv:1711.02512).

    Args:
        power: Start of p.
        epsilon: What is smaller counts as this.

    Example:
        >>> GeneralizedMeanPooling()(np.ones((2, 9, 8), "float32")).shape
        (2, 8)
    """

    def __init__(self, *, power: float = 3.0, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.power = power
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        start = keras.initializers.Constant(self.power)
        self.p = self.add_weight(shape=(), initializer=start, dtype="float32", name="power")
        self.built = True

    def call(self, sequence: Tensor) -> Tensor:
        """Pools [B, L, c] to [B, c]."""
        values = ops.maximum(ops.cast(sequence, "float32"), self.epsilon)
        largest = ops.max(values, axis=1, keepdims=True)  # whose power may be beyond float32
        pooled = ops.power(ops.mean(ops.power(values / largest, self.p), axis=1), 1 / self.p)
        return ops.cast(largest[:, 0] * pooled, sequence.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple:
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power, "epsilon": self.epsilon}
