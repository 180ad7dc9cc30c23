"""The cross-encoder: it reads both products of a pair at once, and corrects the verdict of the comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor
from product_matching.layers.pooling import mean_pooling
from product_matching.text import TextEncoder


@keras.saving.register_keras_serializable("product_matching")
class PairReader(keras.Model):
    """logit = t · verdict + head([CLS], |mean left - mean right|, mean left ∘ mean right), of one transformer's tokens.

    The head's last layer starts at zero and t at 1, so that training begins from the verdict of the comparisons and
    learns what they miss.

    Args:
        encoder: Whose backbone reads; its pooling is not used.
        hidden_dim: Width of the head.
        dropout: Before and within the head.
    """

    def __init__(self, encoder: TextEncoder, *, hidden_dim: int = 128, dropout: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.hidden_dim, self.dropout = hidden_dim, dropout
        self._inputs = [tensor.name for tensor in encoder.backbone.inputs]
        self._drop = keras.layers.Dropout(dropout, name="drop")
        self._hidden = keras.layers.Dense(hidden_dim, activation="gelu", name="hidden")
        self._out = keras.layers.Dense(1, kernel_initializer="zeros", dtype="float32", name="out")
        self._trust = self.add_weight(shape=(), initializer="ones", dtype="float32", name="trust")
        self._hidden.build((None, 3 * encoder.dim))
        self._out.build((None, hidden_dim))
        self.built = True

    def call(self, inputs: Mapping[str, Tensor], training: bool | None = None) -> Tensor:
        """Reads pairs.

        Args:
            inputs: `token_ids`, `segment_ids` int32 [B, L], `padding_mask` bool [B, L], of `PairTokenizer.pack`;
                `verdict` float32 [B], logits of the comparisons.

        Returns:
            Logits, float32 [B].
        """
        found = self.encoder.backbone({name: inputs[name] for name in self._inputs}, training=training)
        sequence = found["sequence_output"] if isinstance(found, dict) else found
        mask, right = ops.cast(inputs["padding_mask"], "bool"), ops.cast(inputs["segment_ids"], "bool")
        left = mean_pooling(sequence, ops.logical_and(mask, ops.logical_not(right)))
        other = mean_pooling(sequence, right)
        vector = ops.concatenate([sequence[:, 0], ops.abs(left - other), left * other], axis=-1)
        hidden = self._drop(self._hidden(self._drop(vector, training=training)), training=training)
        return self._trust * ops.cast(inputs["verdict"], "float32") + self._out(hidden)[:, 0]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PairReader:
        return cls(keras.saving.deserialize_keras_object(config.pop("encoder")), **config)
