"""Words that tell: "upgrade" on one side only is hardly ever one product, "the" on one side only means nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from product_matching._types import FloatArray
from product_matching.model.reranker.comparing import Record
from product_matching.model.reranker.words import parse

MOST = 48
LEAST_PAIRS = 15
"""A word must stand on one side only in so many training pairs."""


class TellingWords:
    """For each telling word of a pair: does it stand on one side only?

    Args:
        words: The words.
        ignored: Columns that do not count, those of numbers: a price is no word.
    """

    def __init__(self, words: Sequence[str] = (), ignored: Collection[str] = ()) -> None:
        self.words, self.ignored = list(words), list(ignored)

    @property
    def names(self) -> list[str]:
        """Names of the comparisons."""
        return [f"one_side.{word}" for word in self.words]

    @classmethod
    def learn(
        cls, left: Sequence[Record], right: Sequence[Record], labels: Sequence[int], ignored: Collection[str] = ()
    ) -> TellingWords:
        """Takes the words of the largest χ² between standing on one side only and the label, at most `MOST`."""
        pairs, matches = Counter(), Counter()
        for one, other, label in zip(left, right, labels, strict=True):
            words = _one_sided(one, other, ignored)
            pairs.update(words)
            matches.update(words if label else ())
        share = float(np.mean(labels))
        spread = max(share * (1 - share), 1e-9)
        # Of n pairs, n · share matches are expected.
        value = {w: (matches[w] - n * share) ** 2 / (n * spread) for w, n in pairs.items() if n >= LEAST_PAIRS}
        return cls(sorted(value, key=lambda word: (-value[word], word))[:MOST], ignored)

    def __call__(self, left: Sequence[Record], right: Sequence[Record]) -> FloatArray:
        """1 where a word stands on one side only, else 0: float32 [P, words]."""
        found = np.zeros((len(left), len(self.words)), np.float32)
        for row, (one, other) in enumerate(zip(left, right, strict=True)):
            words = _one_sided(one, other, self.ignored)
            found[row] = [word in words for word in self.words]
        return found

    def get_config(self) -> dict[str, list[str]]:
        return {"words": self.words, "ignored": self.ignored}


def _one_sided(left: Record, right: Record, ignored: Collection[str]) -> set[str]:
    sides = (
        parse(" ".join(cell for name, cell in record.items() if cell and name not in ignored)).counts.keys()
        for record in (left, right)
    )
    one, other = sides
    return one ^ other
