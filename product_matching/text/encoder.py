"""The text tower: a BERT and a pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from keras_hub.models import BertBackbone

from product_matching._types import FloatArray, Tensor
from product_matching.text.preprocessor import TextPreprocessor

Pooling = Literal["cls", "mean"]


@keras.saving.register_keras_serializable("product_matching")
class TextEncoder(keras.Model):
    """S_i: a BERT over word pieces, pooled to one vector a text.

    Args:
        vocabulary: Word pieces, for example of `learn_vocabulary`.
        layers, heads, hidden_dim, intermediate_dim, dropout: Size of a new BERT; they count only without `backbone`.
        max_tokens: Tokens of title and description together.
        pooling: `"cls"`: the first token; `"mean"`: the average over the tokens that are not padding.
        lowercase: Fold case and strip accents.
        backbone: A `BertBackbone` to use instead of a new one.

    Example:
        >>> encoder = TextEncoder(learn_vocabulary(["red shoes", "红色跑鞋"]), layers=1)
        >>> encoder.encode(["red shoes", "红色跑鞋"]).shape
        (2, 128)
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        layers: int = 2,
        heads: int = 4,
        hidden_dim: int = 128,
        intermediate_dim: int = 512,
        dropout: float = 0.1,
        max_tokens: int = 48,
        pooling: Pooling = "mean",
        lowercase: bool = True,
        backbone: keras.Model | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pooling = pooling
        self.preprocessor = TextPreprocessor(vocabulary, max_tokens=max_tokens, lowercase=lowercase)
        self.backbone = backbone or BertBackbone(
            vocabulary_size=len(vocabulary),
            num_layers=layers,
            num_heads=heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            dropout=dropout,
            max_sequence_length=max_tokens,
        )
        self.backbone.get_layer("pooled_dense").trainable = False  # its output is not read
        self.dim = self.backbone.hidden_dim
        self.built = True

    def call(self, inputs: dict[str, Tensor], training: bool | None = None) -> Tensor:
        """Encodes tokens.

        Args:
            inputs: `token_ids`, `segment_ids` int [B, L] and `padding_mask` bool [B, L].

        Returns:
            [B, dim], not normalised.
        """
        tokens = {key: inputs[key] for key in ("token_ids", "segment_ids", "padding_mask")}
        sequence = self.backbone(tokens, training=training)["sequence_output"]
        if self.pooling == "cls":
            return sequence[:, 0]
        mask = ops.cast(tokens["padding_mask"], sequence.dtype)[..., None]
        return ops.sum(sequence * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1)

    def encode(self, texts: Sequence[str], *, batch_size: int = 64) -> FloatArray:
        """Encodes raw texts.

        Returns:
            float32 [N, dim], each row of length 1.
        """
        rows = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(texts), batch_size):
            chunk = list(texts[start : start + batch_size])
            tokens = self.preprocessor(chunk, [""] * len(chunk))
            rows.append(ops.convert_to_numpy(ops.normalize(ops.cast(self(tokens), "float32"), axis=-1)))
        return np.concatenate(rows)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self.preprocessor.get_config(),
            "pooling": self.pooling,
            "backbone": keras.saving.serialize_keras_object(self.backbone),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TextEncoder:
        backbone = keras.saving.deserialize_keras_object(config.pop("backbone"))
        return cls(**config, backbone=backbone)
