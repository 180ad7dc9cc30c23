"""Several small networks side by side over the same features, each trained without a part of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
import numpy as np
from keras import ops

from product_matching._types import FloatArray, Tensor

LIMIT = 4.0
"""Standardised features are cut here: a price of a million is as odd as one of ten thousand."""


@keras.saving.register_keras_serializable("product_matching")
class Members(keras.layers.Layer):
    """K networks over F features, one logit each.

    Each row of the training data is hidden from one member (see `train.fit_pairs`), whose verdict on it is then as
    honest as on a row that none has seen; a second stage learns from these. Their mean is better than any one of them
    (Breiman 1996, "Bagging predictors").

    Args:
        count: K.
        hidden: Widths of the hidden layers.
        dropout: Share of the hidden units that training leaves out.

    Example:
        >>> Members(3)(np.zeros((2, 7), "float32")).shape
        (2, 3)
    """

    def __init__(self, count: int = 10, hidden: Sequence[int] = (64, 32), dropout: float = 0.2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count, self.hidden, self.dropout = count, list(hidden), dropout
        self._seeds = keras.random.SeedGenerator(0)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        features = input_shape[-1]
        self.mean = self.add_weight(shape=(features,), initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=(features,), initializer="ones", trainable=False, name="scale")
        self.kernels, self.biases = [], []
        widths = [features, *self.hidden, 1]
        for depth, (before, after) in enumerate(pairwise(widths)):
            start = keras.initializers.RandomNormal(stddev=(2 / before) ** 0.5, seed=depth)
            shape = (self.count, before, after)
            self.kernels.append(self.add_weight(shape=shape, initializer=start, name=f"kernel_{depth}"))
            self.biases.append(self.add_weight(shape=shape[::2], initializer="zeros", name=f"bias_{depth}"))
        self.built = True

    def adapt(self, features: FloatArray) -> None:
        """Takes mean and spread from features [N, F]; what is constant there counts for nothing."""
        spread = features.std(axis=0)
        self.mean.assign(features.mean(axis=0))
        self.scale.assign(np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0.0))

    def call(self, features: Tensor, training: bool | None = None) -> Tensor:
        """Logits: [B, F] to [B, K]."""
        x = ops.clip((ops.cast(features, "float32") - self.mean) * self.scale, -LIMIT, LIMIT)
        x = ops.repeat(x[:, None, :], self.count, axis=1)
        for depth, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            if depth:
                x = ops.silu(x)
                if training and self.dropout:
                    x = keras.random.dropout(x, self.dropout, seed=self._seeds)
            x = ops.einsum("bki,kio->bko", x, kernel) + bias
        return x[..., 0]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        return (input_shape[0], self.count)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count, "hidden": self.hidden, "dropout": self.dropout}
