"""Words of a catalogue that a pretrained vocabulary does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import keras
import numpy as np

from product_matching._types import FloatArray
from product_matching.text.sequence import SequencePreprocessor
from product_matching.text.tokenizer import SubwordTokenizer
from product_matching.text.vocabulary import count_words


def unknown_pieces(
    preprocessor: SequencePreprocessor, texts: Iterable[str], *, min_count: int = 2
) -> tuple[list[str], float]:
    """The characters for want of which words are unknown, as pieces that the vocabulary lacks.

    Args:
        preprocessor: Of a pretrained encoder.
        texts: Raw texts.
        min_count: Occurrences from which on a piece counts.

    Returns:
        The pieces, the most frequent first, and the share of all words that are unknown, 0 to 1. Vocabularies other
        than WordPiece know every text: `([], 0.0)`.
    """
    tokenizer = preprocessor.tokenizer
    if tokenizer.kind != "wordpiece":
        return [], 0.0
    lowercase = ["Lowercase"] in tokenizer.options["normalizer"]
    counts = count_words(texts, lowercase=lowercase, rules=preprocessor.rules, compatibility=False)
    unknown = _unknown_words(tokenizer, sorted(counts))
    known, pieces = set(tokenizer.vocabulary), Counter[str]()
    for word in unknown:
        for piece in {word[0], *("##" + letter for letter in word[1:])} - known:
            pieces[piece] += counts[word]
    frequent = [piece for piece, count in pieces.items() if count >= min_count]
    share = sum(counts[word] for word in unknown) / max(counts.total(), 1)
    return sorted(frequent, key=lambda piece: (-pieces[piece], piece)), share


def with_pieces(tokenizer: SubwordTokenizer, pieces: list[str]) -> SubwordTokenizer:
    """The same tokenizer, which knows some pieces more; their ids follow the others'."""
    return SubwordTokenizer(**{**tokenizer.get_config(), "vocabulary": [*tokenizer.vocabulary, *pieces]})


def with_rows(backbone: keras.Model, first: int, count: int, *, seed: int = 0) -> keras.Model:
    """The same network with embeddings of the tokens `first` to `first + count`.

    Each starts as a draw from the normal distribution with the mean and the variance of the old ones, so that it is as
    long as they are and unlike any other (Hewitt 2021, "Initializing new word embeddings for pretrained language
    models", with a diagonal covariance).
    """
    config = backbone.get_config()
    size = max(first + count, config["vocabulary_size"])
    larger = type(backbone).from_config({**config, "vocabulary_size": size})
    table = backbone.token_embedding.embeddings
    for old, new in zip(backbone.weights, larger.weights, strict=True):
        value = keras.ops.convert_to_numpy(old)
        new.assign(_with_drawn(value, first, count, seed) if old is table else value)
    return larger


def _unknown_words(tokenizer: SubwordTokenizer, words: list[str], batch: int = 4096) -> list[str]:
    unknown = tokenizer.vocabulary.index(tokenizer.options["unknown"])
    found: list[str] = []
    for start in range(0, len(words), batch):
        some = words[start : start + batch]
        found += [word for word, ids in zip(some, tokenizer(some).to_list(), strict=True) if unknown in ids]
    return found


def _with_drawn(rows: FloatArray, first: int, count: int, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    old = rows[:first].astype(np.float64)
    drawn = rng.normal(old.mean(axis=0), old.std(axis=0), (count, rows.shape[1])).astype(rows.dtype)
    return np.concatenate([rows[:first], drawn, rows[first + count :]])
