"""From raw strings to token ids, in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from keras_hub.tokenizers import WordPieceTokenizer

from product_matching._types import Tensor
from product_matching.errors import DataError
from product_matching.text.cleaning import clean_text
from product_matching.text.rules import TextRules
from product_matching.text.vocabulary import SPECIAL_TOKENS


class TextPreprocessor:
    """Cleans and tokenises a title and a description into one sequence: `[CLS] title [SEP] description [SEP]`.

    The title comes first and the description gets the room that is left, so a long description never costs a word of
    the title. A query is a title without a description.

    Args:
        vocabulary: Word pieces, `[PAD]`, `[UNK]`, `[CLS]` and `[SEP]` among them.
        max_tokens: Length L of the sequence.
        lowercase: Fold case and strip accents, as the vocabulary was learned.
        rules: Configuration of `TextRules`, applied after cleaning.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        max_tokens: int = 48,
        lowercase: bool = True,
        rules: Mapping[str, Any] | None = None,
    ) -> None:
        missing = [token for token in SPECIAL_TOKENS[:4] if token not in vocabulary]
        if missing:
            raise DataError(f"The vocabulary has no {', '.join(missing)}: it is not a BERT vocabulary.")
        self.vocabulary = list(vocabulary)
        self.max_tokens = max_tokens
        self.lowercase = lowercase
        self.rules = TextRules(**(rules or {}))
        # The tables must belong to the graph of no one function, whoever calls first.
        with tf.init_scope():
            self.tokenizer = WordPieceTokenizer(
                self.vocabulary,
                lowercase=lowercase,
                strip_accents=lowercase,
                special_tokens=list(SPECIAL_TOKENS[:4]),
            )
            self.tokenizer.build(None)
        self._special = {token: self.vocabulary.index(token) for token in SPECIAL_TOKENS[:4]}
        # A function of its own: traced once whoever calls, and written once in an exported graph.
        strings = tf.TensorSpec([None], tf.string)
        self._prepare_in_graph = tf.function(self._prepare, input_signature=[strings, strings])

    @property
    def tables(self) -> Any:
        """What an export must keep."""
        return [self.tokenizer, self.rules.tables]

    def __call__(self, title: Tensor, description: Tensor) -> dict[str, Tensor]:
        """Tokenises a batch.

        Args:
            title: string [B].
            description: string [B]; `""` where there is none.

        Returns:
            `token_ids`, `segment_ids` (0 title, 1 description): int32 [B, L]; `padding_mask`: bool [B, L];
            `has_text`: bool [B], false where nothing is left after cleaning.
        """
        return self._prepare_in_graph(title, description)

    def _prepare(self, title: Tensor, description: Tensor) -> dict[str, Tensor]:
        # One call for both fields: the tokenizer is by far the largest part of an exported graph.
        texts = clean_text(tf.concat([title, description], axis=0))
        texts = self.rules(texts) if self.rules else texts
        pieces = self.tokenizer(texts)
        lengths = tf.reshape(tf.cast(pieces.row_lengths(), tf.int32), [2, -1])
        dense = tf.reshape(pieces.to_tensor(shape=[None, self.max_tokens]), [2, -1, self.max_tokens])
        return {
            **self._pack(dense[0], dense[1], lengths[0], lengths[1]),
            "has_text": tf.reduce_any(tf.reshape(texts != "", [2, -1]), axis=0),
        }

    def _pack(
        self, title: Tensor, description: Tensor, title_length: Tensor, description_length: Tensor
    ) -> dict[str, Tensor]:
        """Lays pieces [B, L] of both fields, of lengths [B], out as one sequence."""
        position = tf.range(self.max_tokens)[None, :]
        title_end = tf.minimum(title_length, self.max_tokens - 3)[:, None] + 1  # where the first [SEP] stands
        end = tf.minimum(title_end + description_length[:, None] + 1, self.max_tokens - 1)  # and the second
        # The description's pieces are moved to where the title ends.
        moved = tf.gather(description, tf.maximum(position - title_end - 1, 0), batch_dims=1)
        tokens = tf.where(position < title_end, tf.roll(title, 1, axis=1), moved)
        tokens = tf.where(position == 0, self._special["[CLS]"], tokens)
        tokens = tf.where((position == title_end) | (position == end), self._special["[SEP]"], tokens)
        shown = position <= end
        return {
            "token_ids": tf.where(shown, tokens, self._special["[PAD]"]),
            "segment_ids": tf.cast(shown & (position > title_end), tf.int32),
            "padding_mask": shown,
        }

    def get_config(self) -> dict[str, Any]:
        config = {"vocabulary": self.vocabulary, "max_tokens": self.max_tokens, "lowercase": self.lowercase}
        return {**config, **({"rules": self.rules.get_config()} if self.rules else {})}
