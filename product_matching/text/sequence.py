"""From raw strings to the token ids of a pretrained checkpoint, in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.errors import ConfigError
from product_matching.text.cleaning import clean_text
from product_matching.text.rules import TextRules
from product_matching.text.tokenizer import SubwordTokenizer

MULTIPLE = 8
"""Rows are filled up to a multiple of so many tokens, so that few lengths occur."""


class SequencePreprocessor:
    """Cleans `title description` and tokenises it as the checkpoint's reference does: `[CLS] title description [SEP]`.

    The title comes first, then as much of the description as fits; what is cut off is cut between tokens. Rows are as
    long as the longest of the batch needs, so short texts cost little. Full-width characters are left to the tokenizer,
    which may know them.

    Args:
        tokenizer: A `SubwordTokenizer`, or its configuration.
        max_tokens: Tokens of a row at most, the marks among them.
        rules: Configuration of `TextRules`, applied after cleaning.
    """

    def __init__(
        self,
        tokenizer: SubwordTokenizer | Mapping[str, Any],
        *,
        max_tokens: int,
        rules: Mapping[str, Any] | None = None,
    ) -> None:
        self.tokenizer = tokenizer if isinstance(tokenizer, SubwordTokenizer) else SubwordTokenizer(**tokenizer)
        self._prefix, self._suffix = self.tokenizer.prefix, self.tokenizer.suffix
        self.room = max_tokens - len(self._prefix) - len(self._suffix)
        if self.room < 1:
            raise ConfigError(f"max_tokens must leave room for a token beside the marks; got {max_tokens}.")
        self.max_tokens = max_tokens
        self.rules = TextRules(**(rules or {}))
        strings = tf.TensorSpec([None], tf.string)
        self._prepare_in_graph = tf.function(self._prepare, input_signature=[strings, strings])

    @property
    def tables(self) -> Any:
        """What an export must keep."""
        return [self.tokenizer.tables, self.rules.tables]

    @property
    def vocabulary(self) -> list[str]:
        """The tokens, in the order of their ids."""
        return self.tokenizer.vocabulary

    def __call__(self, title: Tensor, description: Tensor) -> dict[str, Tensor]:
        """Tokenises a batch.

        Args:
            title: string [B].
            description: string [B]; `""` where there is none.

        Returns:
            `token_ids`, `segment_ids` (all 0): int32 [B, L], L at most `max_tokens`; `padding_mask`: bool [B, L];
            `has_text`: bool [B], false where nothing is left after cleaning.
        """
        return self._prepare_in_graph(title, description)

    def _prepare(self, title: Tensor, description: Tensor) -> dict[str, Tensor]:
        cleaned = clean_text(tf.concat([title, description], axis=0), compatibility=False)
        cleaned = self.rules(cleaned) if self.rules else cleaned
        texts = tf.strings.strip(tf.strings.join(tf.split(cleaned, 2), " "))
        pieces = self.tokenizer(texts)[:, : self.room]
        rows = tf.concat([self._marks(self._prefix, texts), pieces, self._marks(self._suffix, texts)], axis=1)
        lengths = tf.cast(rows.row_lengths(), tf.int32)
        longest = tf.maximum(tf.reduce_max(lengths), 1)
        longest = tf.minimum(-(-longest // MULTIPLE) * MULTIPLE, self.max_tokens)
        tokens = rows.to_tensor(self.tokenizer.pad, shape=[None, self.max_tokens])[:, :longest]
        return {
            "token_ids": tokens,
            "segment_ids": tf.zeros_like(tokens),
            "padding_mask": tf.sequence_mask(lengths, longest),
            "has_text": texts != "",
        }

    def _marks(self, ids: list[int], texts: Tensor) -> tf.RaggedTensor:
        marks = tf.tile(tf.constant(ids, tf.int32, [1, len(ids)]), [tf.shape(texts)[0], 1])
        return tf.RaggedTensor.from_tensor(marks)

    def get_config(self) -> dict[str, Any]:
        config = {"tokenizer": self.tokenizer.get_config(), "max_tokens": self.max_tokens}
        return {**config, **({"rules": self.rules.get_config()} if self.rules else {})}
