"""Fusion of the vectors of any subset of modalities into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor
from product_matching.layers.unit import unit


class Fusion(keras.layers.Layer):
    """Base: R = normalise(fuse(mask_m · x_m …)), float32, zeros where no modality is there.

    A hidden modality takes no part: its vector is replaced by zeros *after* its tower, and the mask tells the fusion
    so. A subclass says how, in `fuse`; each begins training as the plain sum or close to it, so that a product with one
    modality lives in the same space as one with three.

    Args:
        dim: Width of each modality's vector and of the result.
        hidden_dim: Width of hidden layers.
        dropout: Share of hidden units dropped in training.
    """

    def __init__(self, dim: int, *, hidden_dim: int = 256, dropout: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.hidden_dim = hidden_dim
        self.dropout = dropout

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
        fused = self.fuse(shown, masks, training=training)
        anything = ops.max(ops.cast(masks, "float32"), axis=-1, keepdims=True)
        return unit(ops.cast(fused, "float32")) * anything

    def fuse(self, shown: list[Tensor], masks: Tensor, training: bool | None) -> Tensor:
        """The fused vector [B, dim], of any length, from M tensors [B, dim] that are zero where hidden."""
        raise NotImplementedError

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


@keras.saving.register_keras_serializable("product_matching")
class MaskedFusion(Fusion):
    """R = normalise(Σ_m mask_m · x_m + MLP([mask_m · x_m …, mask_m …])): the MLP learns how they complete each other.

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

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(dim, **kwargs)
        self._hidden = keras.layers.Dense(self.hidden_dim, activation="gelu", name="hidden")
        self._drop = keras.layers.Dropout(self.dropout)
        # The MLP starts small beside the sum, so that training begins from plain addition.
        self._out = keras.layers.Dense(dim, kernel_initializer=_small(), name="out")

    def build(self, vectors_shape: Sequence[tuple[int | None, int]], masks_shape: tuple[int | None, int]) -> None:
        modalities = len(vectors_shape)
        self._hidden.build((None, modalities * self.dim + modalities))
        self._out.build((None, self.hidden_dim))

    def fuse(self, shown: list[Tensor], masks: Tensor, training: bool | None) -> Tensor:
        hidden = self._hidden(ops.concatenate([*shown, masks], axis=-1))
        return sum(shown) + self._out(self._drop(hidden, training=training))


@keras.saving.register_keras_serializable("product_matching")
class GatedFusion(Fusion):
    """R = normalise(Σ_m g_m ⊙ mask_m · x_m) with g_m = 2 σ(W_m [mask_m · x_m …, mask_m …] + c_m).

    A gate for each component, after Arevalo et al. 2017, "Gated multimodal units for information fusion"
    (arXiv:1702.01992). W and c start at zero: all gates at 1, the plain sum.

    Example:
        >>> GatedFusion(8)([np.ones((2, 8), "float32")] * 2, np.ones((2, 2), "float32")).shape
        (2, 8)
    """

    def build(self, vectors_shape: Sequence[tuple[int | None, int]], masks_shape: tuple[int | None, int]) -> None:
        modalities = len(vectors_shape)
        self._gates = keras.layers.Dense(modalities * self.dim, kernel_initializer="zeros", name="gates")
        self._gates.build((None, modalities * self.dim + modalities))

    def fuse(self, shown: list[Tensor], masks: Tensor, training: bool | None) -> Tensor:
        gates = 2 * ops.sigmoid(self._gates(ops.concatenate([*shown, masks], axis=-1)))
        gates = ops.reshape(gates, (-1, len(shown), self.dim))
        return ops.sum(gates * ops.stack(shown, axis=1), axis=1)


@keras.saving.register_keras_serializable("product_matching")
class AttentionFusion(Fusion):
    """R = normalise(Σ_m mask_m · (x_m + attention(LN(x_m + e_m), all shown LN(x + e)))): modalities read each other.

    One layer of self-attention (Vaswani et al. 2017, arXiv:1706.03762) over one token a modality; e_m says which one it
    is. Its output starts small beside the sum.

    Example:
        >>> AttentionFusion(8)([np.ones((2, 8), "float32")] * 2, np.ones((2, 2), "float32")).shape
        (2, 8)
    """

    def build(self, vectors_shape: Sequence[tuple[int | None, int]], masks_shape: tuple[int | None, int]) -> None:
        tokens = (None, len(vectors_shape), self.dim)
        heads = next(heads for heads in (4, 2, 1) if self.dim % heads == 0)
        self._kinds = self.add_weight(
            shape=(1, len(vectors_shape), self.dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="kinds",
        )
        self._norm = keras.layers.LayerNormalization(name="norm")
        self._norm.build(tokens)
        self._attention = keras.layers.MultiHeadAttention(
            heads, self.dim // heads, dropout=self.dropout, name="attention"
        )
        self._attention.build(tokens, tokens)
        self._out = keras.layers.Dense(self.dim, kernel_initializer=_small(), name="out")
        self._out.build(tokens)

    def fuse(self, shown: list[Tensor], masks: Tensor, training: bool | None) -> Tensor:
        tokens = ops.stack(shown, axis=1)
        marked = self._norm(tokens + ops.cast(self._kinds, tokens.dtype))
        visible = ops.cast(masks, "bool")[:, None, :]
        read = self._attention(marked, marked, attention_mask=visible, training=training)
        return ops.sum((tokens + self._out(read)) * masks[..., None], axis=1)


def _small() -> keras.initializers.Initializer:
    return keras.initializers.VarianceScaling(0.01, "fan_avg", "uniform")
