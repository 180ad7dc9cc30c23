"""The tokenizer of a pretrained checkpoint, in the graph."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_text as tf_text
from keras_hub.tokenizers import BytePairTokenizer, WordPieceTokenizer

from product_matching._types import Tensor
from product_matching.errors import CheckpointError, unknown_name


class SubwordTokenizer:
    """Strings to token ids, by WordPiece (BERT), byte-level BPE (GPT-2, RoBERTa) or SentencePiece (ALBERT, XLM-R).

    Args:
        kind: `"wordpiece"`, `"bpe"` or `"sentencepiece"`.
        vocabulary: The tokens, in the order of their ids.
        options: What the kind needs beside. WordPiece: `split_on_cjk`, `unknown`. BPE: `merges`, `add_prefix_space`.
            SentencePiece: `scores`, `unknown`, `special`, `charsmap` (base64). Any: `normalizer`, a list of steps such
            as `["NFD"]`, `["StripAccents"]`, `["Lowercase"]`, `["Replace", pattern, replacement]`.
        prefix, suffix: Ids that stand before and after each text.
        pad: Id that fills a row up.

    Attributes:
        tables: What an export must keep.
    """

    def __init__(
        self,
        kind: str,
        vocabulary: list[str],
        options: Mapping[str, Any],
        *,
        prefix: Sequence[int] = (),
        suffix: Sequence[int] = (),
        pad: int = 0,
    ) -> None:
        self.kind = kind
        self.vocabulary = list(vocabulary)
        self.options = dict(options)
        self.prefix, self.suffix, self.pad = list(prefix), list(suffix), pad
        kinds = {"wordpiece": _wordpiece, "bpe": _bpe, "sentencepiece": _sentencepiece}
        if kind not in kinds:
            raise CheckpointError(unknown_name("kind of tokenizer", kind, kinds))
        # The tables must belong to the graph of no one function, whoever calls first.
        with tf.init_scope():
            self.tables, split = kinds[kind](self.vocabulary, options)

        def tokenize(texts: Tensor) -> tf.RaggedTensor:
            for step in self.options.get("normalizer", ()):
                texts = _normalize(texts, step)
            return split(texts)

        # KerasHub tokenises in Python when it is called eagerly, by other rules: always in the graph, then.
        self._in_graph = tf.function(tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    def __call__(self, texts: Tensor) -> tf.RaggedTensor:
        """Tokenises string [B] to int32 [B, (pieces)], without prefix and suffix."""
        return self._in_graph(texts)

    def get_config(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "vocabulary": self.vocabulary,
            "options": self.options,
            "prefix": self.prefix,
            "suffix": self.suffix,
            "pad": self.pad,
        }


Parts = tuple[Any, Callable[[Tensor], tf.RaggedTensor]]
"""What holds the tables, so that an export finds them, and the function."""


def _wordpiece(vocabulary: list[str], options: Mapping[str, Any]) -> Parts:
    # Its own lower case folds ß to ss, which BERT's does not: case and accents are left to the normaliser.
    layer = WordPieceTokenizer(vocabulary, split_on_cjk=options["split_on_cjk"], oov_token=options["unknown"])
    layer.build(None)
    return layer, layer


def _bpe(vocabulary: list[str], options: Mapping[str, Any]) -> Parts:
    layer = BytePairTokenizer(
        {token: number for number, token in enumerate(vocabulary)},
        list(options["merges"]),
        add_prefix_space=options["add_prefix_space"],
        unsplittable_tokens=[],
    )
    layer.build(None)
    return layer, layer


def _sentencepiece(vocabulary: list[str], options: Mapping[str, Any]) -> Parts:
    # A model of our own making, rather than the file beside the checkpoint: its ids are the reference's (XLM-R shifts
    # those of the file), and newer checkpoints come without the file.
    model = tf_text.SentencepieceTokenizer(model=_sentencepiece_model(vocabulary, options), out_type=tf.int32)
    return model, model.tokenize


def _sentencepiece_model(vocabulary: list[str], options: Mapping[str, Any]) -> bytes:
    from sentencepiece import sentencepiece_model_pb2 as schema

    model, special = schema.ModelProto(), set(options["special"])
    kinds = schema.ModelProto.SentencePiece
    for token, score in zip(vocabulary, options["scores"], strict=True):
        control = kinds.CONTROL if token in special else kinds.NORMAL
        model.pieces.add(piece=token, score=score, type=kinds.UNKNOWN if token == options["unknown"] else control)
    ids = {"unk_id": vocabulary.index(options["unknown"]), "bos_id": -1, "eos_id": -1, "pad_id": -1}
    for name, value in ids.items():
        setattr(model.trainer_spec, name, value)
    model.trainer_spec.unk_piece = options["unknown"]
    model.trainer_spec.model_type = schema.TrainerSpec.UNIGRAM
    model.normalizer_spec.precompiled_charsmap = base64.b64decode(options["charsmap"])
    model.normalizer_spec.add_dummy_prefix = True
    model.normalizer_spec.remove_extra_whitespaces = True
    model.normalizer_spec.escape_whitespaces = True
    return model.SerializeToString()


def _normalize(texts: Tensor, step: list[str]) -> Tensor:
    name, *words = step
    if name == "Replace":
        return tf.strings.regex_replace(texts, *words)
    if name == "Lowercase":
        return tf.strings.lower(texts, encoding="utf-8")
    if name == "StripAccents":
        return tf.strings.regex_replace(texts, r"\p{Mn}", "")
    return tf_text.normalize_utf8(texts, name)
