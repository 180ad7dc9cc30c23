"""How much the words of two texts have in common, rare words counting more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from product_matching.model.reranker.words import Words, parse

WHOLE_WORD = 3
"""From so many characters on, a word that stands within the other text's letters in a row counts as found there."""


class WordWeights:
    """idf(w) = log((1 + N) / (1 + n_w)) + 0.1, of N texts, of which n_w hold the word w.

    Args:
        documents: N.
        frequencies: n_w of the words that stand in two texts or more; any other word counts as in one.
    """

    def __init__(self, documents: int = 0, frequencies: Mapping[str, int] | None = None) -> None:
        self.documents, self.frequencies = documents, dict(frequencies or {})

    @classmethod
    def learn(cls, texts: Iterable[str]) -> WordWeights:
        """Counts words in texts; a text that comes again counts once."""
        unique, counts = set(texts), Counter()
        for text in unique:
            counts.update(parse(text).counts.keys())
        return cls(len(unique), {word: count for word, count in sorted(counts.items()) if count > 1})

    def idf(self, word: str) -> float:
        """Weight of a word, 0.1 or more."""
        return math.log((1 + max(self.documents, 1)) / (1 + self.frequencies.get(word, 1))) + 0.1

    def total(self, words: Iterable[str]) -> float:
        """Σ idf."""
        return sum(map(self.idf, words))

    def cosine(self, a: Words, b: Words) -> float:
        """Σ_(both) idf² / √(Σ_a idf² · Σ_b idf²), 0 to 1; 0 where one has no word."""
        both, norm_a, norm_b = (
            sum(self.idf(word) ** 2 for word in words)
            for words in (a.counts.keys() & b.counts.keys(), a.counts, b.counts)
        )
        return both / math.sqrt(norm_a * norm_b) if both else 0.0

    def share(self, a: Words, b: Words) -> float:
        """Share of the weight of a's words that b has too, 0 to 1."""
        total = self.total(a.counts)
        return self.total(a.counts.keys() & b.counts.keys()) / total if total else 0.0

    def soft_share(self, a: Words, b: Words) -> float:
        """As `share`, but a word of b with like letters counts in part (Monge and Elkan 1996, with Dice of bigrams)."""
        total = self.total(a.counts)
        lost = sum(self.idf(word) * (1 - _likeness(word, b)) for word in a.counts.keys() - b.counts)
        return 1 - lost / total if total else 0.0

    def get_config(self) -> dict[str, object]:
        return {"documents": self.documents, "frequencies": self.frequencies}


def dice(a: frozenset[str], b: frozenset[str]) -> float:
    """2 |a ∩ b| / (|a| + |b|)."""
    return 2 * len(a & b) / ((len(a) + len(b)) or 1)


def _likeness(word: str, other: Words) -> float:
    if len(word) >= WHOLE_WORD and word in other.squeezed:
        return 1.0
    grams = _bigrams(word)
    return max((dice(grams, _bigrams(one)) for one in other.counts), default=0.0)


def _bigrams(word: str) -> frozenset[str]:
    return frozenset(word[i : i + 2] for i in range(len(word) - 1)) or frozenset([word])
