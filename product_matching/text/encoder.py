"""The text tower: a transformer over tokens and a pooling."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from keras_hub.models import BertBackbone

from product_matching._types import FloatArray, Tensor
from product_matching.checkpoints import set_details
from product_matching.errors import ConfigError, unknown_name
from product_matching.layers.pooling import AttentionPooling, cls_pooling, last_pooling, mean_pooling
from product_matching.layers.tracing import TracedCall
from product_matching.layers.unit import unit
from product_matching.text.extension import unknown_pieces, with_pieces, with_rows
from product_matching.text.preprocessor import TextPreprocessor
from product_matching.text.pretrained import load_parts
from product_matching.text.sequence import SequencePreprocessor

Pooling = Literal["cls", "mean", "last", "attention"]
logger = logging.getLogger(__name__)
POOLINGS = {"cls": cls_pooling, "mean": mean_pooling, "last": last_pooling, "attention": AttentionPooling}


@keras.saving.register_keras_serializable("product_matching")
class TextEncoder(keras.Model):
    """S_i: a transformer over tokens, pooled to one vector a text.

    Either new, a BERT over a vocabulary of one's own, or `from_pretrained`.

    Args:
        vocabulary: Word pieces, for example of `learn_vocabulary`; not with `preprocessor`.
        layers, heads, hidden_dim, intermediate_dim, dropout: Size of a new BERT; they count only without `backbone`.
        max_tokens: Tokens of title and description together; not with `preprocessor`.
        pooling: `"cls"`: the first token; `"mean"`: the average over the tokens that are not padding; `"last"`: the
            last of them; `"attention"`: a learned average.
        lowercase: Fold case and strip accents; not with `preprocessor`.
        rules: Configuration of `TextRules`; not with `preprocessor`.
        backbone: A KerasHub text backbone to use instead of a new BERT.
        preprocessor: The tokenizer of a pretrained backbone.
        details: Activation and epsilon of the backbone, where they are not KerasHub's; see `set_details`.
        normalize: Give vectors of length 1.

    Example:
        >>> encoder = TextEncoder(learn_vocabulary(["red shoes", "红色跑鞋"]), layers=1)
        >>> encoder.encode(["red shoes", "红色跑鞋"]).shape
        (2, 128)
    """

    def __init__(
        self,
        vocabulary: Sequence[str] = (),
        *,
        layers: int = 2,
        heads: int = 4,
        hidden_dim: int = 128,
        intermediate_dim: int = 512,
        dropout: float = 0.1,
        max_tokens: int = 48,
        pooling: Pooling = "mean",
        lowercase: bool = True,
        rules: Mapping[str, Any] | None = None,
        backbone: keras.Model | None = None,
        preprocessor: SequencePreprocessor | None = None,
        details: Mapping[str, Any] | None = None,
        normalize: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if pooling not in POOLINGS:
            raise ConfigError(unknown_name("pooling", pooling, POOLINGS))
        self.pooling = pooling
        self.normalize = normalize
        self.preprocessor = preprocessor or TextPreprocessor(
            vocabulary, max_tokens=max_tokens, lowercase=lowercase, rules=rules
        )
        self.backbone = backbone or BertBackbone(
            vocabulary_size=len(vocabulary),
            num_layers=layers,
            num_heads=heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            dropout=dropout,
            max_sequence_length=max_tokens,
        )
        self.details = dict(details or {})
        set_details(self.backbone, **self.details)
        self.dim = self.backbone.hidden_dim
        self._inputs = [tensor.name for tensor in self.backbone.inputs]
        self._pool = AttentionPooling(name="pool") if pooling == "attention" else POOLINGS[pooling]
        self.traced = TracedCall(self, compiled=True)
        self._ready()

    def _ready(self) -> None:
        for layer in self.backbone.layers:
            if layer.name == "pooled_dense":
                layer.trainable = False  # its output is not read
        if self.pooling == "attention":
            self._pool.build((None, None, self.dim))
        self.built = True

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        pooling: Pooling | Literal["auto"] = "auto",
        max_tokens: int | None = None,
        offline: bool | None = None,
        rules: Mapping[str, Any] | None = None,
    ) -> TextEncoder:
        """Loads a BERT, RoBERTa, DistilBERT, ALBERT, XLM-R or GPT-2 that computes what transformers computes.

        Args:
            name_or_path: A folder that transformers or sentence-transformers wrote, or the name of one on Hugging Face.
            pooling: `"auto"`: as the checkpoint's sentence-transformers files say; without them the last token of GPT-2
                and the mean of the others.
            max_tokens: Tokens kept of a text; by default as many as the checkpoint takes. Short texts cost no more.
            offline: Never ask a hub; by default as the environment says (`PRODUCT_MATCHING_OFFLINE=1`).
            rules: Configuration of `TextRules`, applied before the tokenizer.

        Raises:
            CheckpointError: If the checkpoint is not found, is of another kind, or its in-graph tokenizer differs from
                that of transformers.
        """
        parts = load_parts(name_or_path, pooling=pooling, max_tokens=max_tokens, offline=offline)
        if rules:
            parts["preprocessor"] = SequencePreprocessor(**parts["preprocessor"].get_config(), rules=rules)
        return cls(**parts)

    def extended(self, texts: Iterable[str], *, min_count: int = 2) -> TextEncoder:
        """The same encoder with tokens of their own for the characters of a catalogue that it does not know.

        An English BERT knows a fifth of the Chinese characters; all others are one and the same token to it.

        Args:
            texts: Raw texts of the catalogue.
            min_count: Occurrences from which on a character gets a token.

        Returns:
            An encoder that gives the same vectors for texts without unknown words; itself where nothing is to be added,
            as with vocabularies that know every text (GPT-2, RoBERTa, ALBERT, XLM-R) or were learned from a catalogue.
        """
        if not isinstance(self.preprocessor, SequencePreprocessor):
            return self
        pieces, share = unknown_pieces(self.preprocessor, texts, min_count=min_count)
        if not pieces:
            return self
        logger.info("%.1f %% of words are unknown to the vocabulary; %d characters are added", 100 * share, len(pieces))
        tokenizer = self.preprocessor.tokenizer
        larger = TextEncoder(
            preprocessor=SequencePreprocessor(
                **{**self.preprocessor.get_config(), "tokenizer": with_pieces(tokenizer, pieces)}
            ),
            backbone=with_rows(self.backbone, len(tokenizer.vocabulary), len(pieces)),
            pooling=self.pooling,
            details=self.details,
            normalize=self.normalize,
        )
        if self.pooling == "attention":
            larger._pool.set_weights(self._pool.get_weights())
        return larger

    def call(self, inputs: dict[str, Tensor], training: bool | None = None) -> Tensor:
        """Encodes tokens.

        Args:
            inputs: `token_ids`, `segment_ids` int [B, L] and `padding_mask` bool [B, L].

        Returns:
            [B, dim], of length 1 only if `normalize` says so.
        """
        found = self.backbone({name: inputs[name] for name in self._inputs}, training=training)
        return self.pooled(found, inputs["padding_mask"])

    def pooled(self, found: Tensor | Mapping[str, Tensor], mask: Tensor) -> Tensor:
        """What `call` makes of the backbone's output, [B, L, c], and of the padding mask, bool [B, L]: [B, dim]."""
        sequence = found["sequence_output"] if isinstance(found, Mapping) else found
        pooled = self._pool(sequence, mask)
        return unit(pooled) if self.normalize else pooled

    def encode(self, texts: Sequence[str], *, batch_size: int = 64) -> FloatArray:
        """Encodes raw texts.

        Returns:
            float32 [N, dim], each row of length 1.
        """
        # Neighbours of about the same length waste little on padding.
        order = np.argsort([-len(text.encode("utf-8")) for text in texts], kind="stable")
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), batch_size):
            rows = order[start : start + batch_size]
            tokens = self.preprocessor([texts[row] for row in rows], [""] * len(rows))
            pooled = ops.cast(self.traced(tokens), "float32")
            vectors[rows] = ops.convert_to_numpy(unit(pooled))
        return vectors

    def get_config(self) -> dict[str, Any]:
        own = self.preprocessor.get_config()
        return {
            **super().get_config(),
            **(own if isinstance(self.preprocessor, TextPreprocessor) else {"preprocessor": own}),
            "pooling": self.pooling,
            "normalize": self.normalize,
            "details": self.details,
            "backbone": keras.saving.serialize_keras_object(self.backbone),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TextEncoder:
        config = dict(config)
        backbone = keras.saving.deserialize_keras_object(config.pop("backbone"))
        preprocessor = config.pop("preprocessor", None)
        if preprocessor is not None:
            config["preprocessor"] = SequencePreprocessor(**preprocessor)
        return cls(**config, backbone=backbone)
