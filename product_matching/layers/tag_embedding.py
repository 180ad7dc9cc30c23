"""An embedding of a set of tags."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor


@keras.saving.register_keras_serializable("product_matching")
class TagEmbedding(keras.layers.Layer):
    """T_i: the sum of the embeddings of a product's tags, divided by the root of their number.

    The root keeps the length about the same for one tag and for ten that are unrelated (as in Transformer and fastText
    averaging, without letting many tags shrink each other to nothing).

    Args:
        count: Tags n in the vocabulary.
        dim: Width of the embedding.

    Example:
        >>> TagEmbedding(5, 8)(np.eye(5, dtype="float32")).shape
        (5, 8)
    """

    def __init__(self, count: int, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count
        self.dim = dim
        self.build((None, count))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if not self.built:
            # A shop without tags still has a table of one row, which nothing reads.
            self.embeddings = self.add_weight(
                shape=(max(self.count, 1), self.dim), initializer="glorot_uniform", name="embeddings"
            )
        self.built = True

    def call(self, tags: Tensor) -> Tensor:
        """Embeds multi-hot [B, n] to [B, dim]; a product without tags gets zeros."""
        if not self.count:
            return ops.zeros((ops.shape(tags)[0], self.dim), self.compute_dtype)
        number = ops.maximum(ops.sum(tags, axis=-1, keepdims=True), 1)
        return ops.matmul(tags, ops.cast(self.embeddings, tags.dtype)) / ops.sqrt(number)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        return (input_shape[0], self.dim)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count, "dim": self.dim}
