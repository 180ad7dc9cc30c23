"""How near anything of the other modality comes to a vector."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from product_matching._types import FloatArray, Tensor

NEIGHBOURS = 10


@keras.saving.register_keras_serializable("product_matching")
class Reach(keras.layers.Layer):
    """reach(x) = the mean of x's ten highest cosines to a bank of vectors, in the bank where that is lower.

    A vague text ("red backpack") lies near no picture in particular, a detailed one near a few: the same cosine says
    more of the first than of the second. Half of the two reaches of a pair, taken from its cosine, makes pairs
    comparable: cross-domain similarity local scaling, Conneau et al. 2018, "Word translation without parallel data"
    (arXiv:1710.04087). There are two banks, of images and of texts; the bank of x's own modality always lies nearer, so
    the lower mean is that of the other one, and x need not say what it is.

    Args:
        count: Vectors M of each bank.
        dim: Their width D.
    """

    def __init__(self, count: int, dim: int, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.count, self.dim = count, dim
        # Zeros until they are known: everything reaches 0 then, and nothing is taken from any cosine.
        self.references = self.add_weight(
            shape=(2, count, dim), initializer="zeros", trainable=False, name="references"
        )
        self.typical = self.add_weight(shape=(), initializer="zeros", trainable=False, name="typical")
        self.built = True

    def call(self, vectors: Tensor) -> Tensor:
        """Reach of unit vectors: float [B, D] to float32 [B]."""
        vectors = ops.cast(vectors, "float32")
        means = [
            ops.mean(ops.top_k(ops.matmul(vectors, ops.transpose(self.references[bank])), self._neighbours)[0], axis=-1)
            for bank in range(2)
        ]
        return ops.minimum(*means)

    def remember(self, images: FloatArray, texts: FloatArray, typical: float) -> None:
        """Takes banks of at most M unit vectors each, float32 [m, D], and the mean reach, for vectors not at hand."""
        banks = np.zeros((2, self.count, self.dim), np.float32)
        for bank, vectors in zip(banks, (images, texts), strict=True):
            bank[: len(vectors)] = vectors[: self.count]
        self.references.assign(banks)
        self.typical.assign(typical)

    @property
    def _neighbours(self) -> int:
        return min(NEIGHBOURS, self.count)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count, "dim": self.dim}
