"""A small residual MLP from the width of a tower to the joint width."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from product_matching._types import Tensor


@keras.saving.register_keras_serializable("product_matching")
class Projection(keras.layers.Layer):
    """`linear(x) + MLP(layer_norm(x))`: a linear map that the MLP corrects.

    Args:
        dim: Width of the output.
        hidden_dim: Width of the hidden layer.
        dropout: Share of hidden units dropped in training.
        input_dropout: Share of the inputs dropped in training: with few products and frozen towers of thousands of
            numbers, a linear map alone learns them by heart.

    Example:
        >>> Projection(64)(np.ones((2, 512), "float32")).shape
        (2, 64)
    """

    def __init__(
        self, dim: int, *, hidden_dim: int = 256, dropout: float = 0.1, input_dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.input_dropout = input_dropout

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self._norm = keras.layers.LayerNormalization(name="norm")
        self._linear = keras.layers.Dense(self.dim, name="linear")
        self._hidden = keras.layers.Dense(self.hidden_dim, activation="gelu", name="hidden")
        self._drop = keras.layers.Dropout(self.dropout)
        self._drop_inputs = keras.layers.Dropout(self.input_dropout) if self.input_dropout else None
        self._out = keras.layers.Dense(self.dim, name="out")
        for layer in (self._norm, self._linear, self._hidden):
            layer.build(input_shape)
        self._out.build((*input_shape[:-1], self.hidden_dim))

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Projects [..., c] to [..., dim]."""
        inputs = self._norm(inputs)
        if self._drop_inputs is not None:
            inputs = self._drop_inputs(inputs, training=training)
        hidden = self._drop(self._hidden(inputs), training=training)
        return self._linear(inputs) + self._out(hidden)

    def normalised(self, inputs: Tensor) -> Tensor:
        """What the linear map and the MLP see of [..., c]."""
        return self._norm(inputs)

    def begin_as(self, kernel: ArrayLike, bias: ArrayLike) -> None:
        """Makes it a linear map of normalised inputs, float [c, dim] and [dim], which the MLP corrects from zero on."""
        self._linear.kernel.assign(kernel)
        self._linear.bias.assign(bias)
        self._out.kernel.assign(np.zeros(self._out.kernel.shape))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
        }
