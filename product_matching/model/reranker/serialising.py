"""A pair of products as one sequence of word pieces: "COL title VAL … COL price VAL … [SEP] COL title VAL …"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from product_matching.model.reranker.comparing import Record
from product_matching.model.reranker.weights import WordWeights
from product_matching.model.reranker.words import parse
from product_matching.text.tokenizer import SubwordTokenizer

MULTIPLE = 8
"""Rows are filled up to a multiple of so many tokens, so that few lengths occur."""


def serialise(record: Record, weights: WordWeights, *, most: int) -> str:
    """Writes a record as text (Li et al. 2020, "Deep entity matching with pre-trained language models", section 2.2).

    Empty cells are left out. Of more than `most` words in a cell, those that weigh most stay, in their order (ibid.,
    section 4.3).

    >>> serialise({"title": "red mug", "brand": "", "price": "3"}, WordWeights(), most=9)
    'COL title VAL red mug COL price VAL 3'
    """
    cells = [f"COL {name} VAL {_shorten(cell, weights, most)}" for name, cell in record.items() if cell]
    return " ".join(cells)


class PairTokenizer:
    """Serialised pairs to token ids: prefix, left, suffix, right, suffix.

    Args:
        tokenizer: Of the encoder.
        max_tokens: Tokens of a row at most. A side that needs less than its half leaves the rest to the other.
    """

    def __init__(self, tokenizer: SubwordTokenizer, *, max_tokens: int) -> None:
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self.room = max_tokens - len(tokenizer.prefix) - 2 * len(tokenizer.suffix)

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text alone, without marks."""
        return [row[: self.room] for row in self.tokenizer(list(texts)).to_list()] if len(texts) else []

    def pack(self, left: Sequence[Sequence[int]], right: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
        """Lays out pairs of pieces.

        Returns:
            `token_ids`, `segment_ids` (0 left, 1 right) int32 [B, L], L a multiple of 8 where the longest row is below
            `max_tokens`; `padding_mask` bool [B, L].
        """
        prefix, suffix = self.tokenizer.prefix, self.tokenizer.suffix
        rows, borders = [], []
        for one, other in zip(left, right, strict=True):
            first, second = self._share(len(one), len(other))
            start = [*prefix, *one[:first], *suffix]
            rows.append([*start, *other[:second], *suffix])
            borders.append(len(start))
        longest = max(map(len, rows), default=1)
        longest = min(-(-longest // MULTIPLE) * MULTIPLE, self.max_tokens)
        tokens = np.full((len(rows), longest), self.tokenizer.pad, np.int32)
        for row, ids in zip(tokens, rows, strict=True):
            row[: len(ids)] = ids
        position, lengths = np.arange(longest), np.array([len(row) for row in rows])[:, None]
        mask = position < lengths
        return {
            "token_ids": tokens,
            "segment_ids": (mask & (position >= np.array(borders)[:, None])).astype(np.int32),
            "padding_mask": mask,
        }

    def _share(self, left: int, right: int) -> tuple[int, int]:
        """Tokens that each side may have."""
        half = self.room // 2
        first = min(left, max(half, self.room - right))
        return first, min(right, self.room - first)


def _shorten(cell: str, weights: WordWeights, most: int) -> str:
    words = cell.split()
    if len(words) <= most:
        return cell
    heaviest = sorted(range(len(words)), key=lambda at: (-_weight(words[at], weights), at))[:most]
    return " ".join(words[at] for at in sorted(heaviest))


def _weight(word: str, weights: WordWeights) -> float:
    return max(map(weights.idf, parse(word).counts), default=0.0)
