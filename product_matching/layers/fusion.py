"""Fusion of the vectors of any subset of modalities into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor


@keras.saving.register_keras_serializable("product_matching")
class MaskedFusion(keras.layers.Layer):
    """R = normalise(Σ_m mask_m · x_m + MLP([mask_m · x_m …, mask_m …])).

    The sum makes a product with one modality live in the same space as one with three; the MLP learns how they
    complete each other. A hidden modality takes no part: its vector is replaced by zeros *after* its tower, and the
    mask tells the MLP so.

    Args:
        dim: Width of each modality's vector and of the result.
        hidden_dim: Width of the hidden layer of the MLP.
        dropout: Share of hidden units dropped in training.

    Example:
        >>> image, text = np.ones((2, 8), "float32"), np.ones((2, 8), "float32")
        >>> masks = np.array([[1, 1], [1, 0]], "float32")              # the second has no text
        >>> MaskedFusion(8)([image, text], masks).shape
        (2, 8)
    """

    def __init__(self, dim: int, *, hidden_dim: int = 256, dropout: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self._hidden = keras.layers.Dense(hidden_dim, activation="gelu", name="hidden")
        self._drop = keras.layers.Dropout(dropout)
        # The MLP starts small beside the sum, so that training begins from plain addition.
        small = keras.initializers.VarianceScaling(0.01, "fan_avg", "uniform")
        self._out = keras.layers.Dense(dim, kernel_initializer=small, name="out")

    def build(self, vectors_shape: Sequence[tuple[int | None, int]], masks_shape: tuple[int | None, int]) -> None:
        modalities = len(vectors_shape)
        self._hidden.build((None, modalities * self.dim + modalities))
        self._out.build((None, self.hidden_dim))

    def call(self, vectors: Sequence[Tensor], masks: Tensor, training: bool | None = None) -> Tensor:
        """Fuses.

        Args:
            vectors: M tensors [B, dim].
            masks: [B, M], 1 where the modality is there.

        Returns:
            float32 [B, dim] of length 1; zeros where no modality is there.
        """
        masks = ops.cast(masks, self.compute_dtype)
        shown = [vector * masks[:, m : m + 1] for m, vector in enumerate(vectors)]
        hidden = self._hidden(ops.concatenate([*shown, masks], axis=-1))
        fused = sum(shown) + self._out(self._drop(hidden, training=training))
        anything = ops.max(ops.cast(masks, "float32"), axis=-1, keepdims=True)
        return ops.normalize(ops.cast(fused, "float32"), axis=-1) * anything

    def compute_output_shape(
        self, vectors_shape: Sequence[tuple[int | None, int]], masks_shape: tuple[int | None, int]
    ) -> tuple[int | None, int]:
        return (masks_shape[0], self.dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }
