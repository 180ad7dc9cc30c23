"""Hand-made comparisons of two products: what a cross-encoder over word pieces sees badly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from product_matching._types import FloatArray
from product_matching.model.reranker.codes import compare_codes
from product_matching.model.reranker.weights import WordWeights, dice
from product_matching.model.reranker.words import Words, as_number, is_number, parse

Record = Mapping[str, str]
"""One side of a pair: from the column's name without its prefix to the cell, `""` where there is nothing."""
MOST = 6
"""Counts end here: seven numbers in common say no more than six."""


class Comparer:
    """Turns pairs of records into numbers.

    For each column that both sides have: cosine, shares, trigrams and equality of its words, also whether they stand in
    any column of the other side, or the ratio of its numbers. For the first columns of words (the titles): what is on
    one side only, model numbers, quantities. For all cells together: all of these.

    Args:
        left, right: The columns of each side, in the order of the table. What a record lacks of them is empty; what it
            has beside them counts in the whole.
        numeric: Columns that hold numbers.
        weights: Of the words.
    """

    def __init__(
        self, left: Sequence[str], right: Sequence[str], numeric: Sequence[str], weights: WordWeights | None = None
    ) -> None:
        self.left, self.right, self.numeric = list(left), list(right), list(numeric)
        self.weights = weights or WordWeights()
        self.shared = [name for name in self.left if name in self.right]
        self.titles = tuple(next((c for c in side if c not in self.numeric), "") for side in (self.left, self.right))
        self.names = list(self._compare({}, {}))

    @classmethod
    def learn(cls, left: Sequence[Record], right: Sequence[Record]) -> Comparer:
        """Looks at the records of the training pairs: which columns hold numbers, which words are rare."""
        columns = [list(side[0]) for side in (left, right)]
        numeric = [
            name
            for name in dict.fromkeys(name for side in columns for name in side)
            if _holds_numbers(name, left, right)
        ]
        return cls(*columns, numeric, WordWeights.learn(whole(record) for side in (left, right) for record in side))

    def __call__(self, left: Sequence[Record], right: Sequence[Record]) -> FloatArray:
        """Compares pairs: float32 [P, F], in the order of `names`."""
        rows = [list(self._compare(one, other).values()) for one, other in zip(left, right, strict=True)]
        return np.array(rows, np.float32).reshape(len(rows), len(self.names))

    def _compare(self, left: Record, right: Record) -> dict[str, float]:
        found: dict[str, float] = {}
        a, b = parse(whole(left)), parse(whole(right))
        for name in self.shared:
            one, other = left.get(name, ""), right.get(name, "")
            compare = _numbers if name in self.numeric else self._texts
            found |= _named(name, compare(one, other))
            if name not in self.numeric:
                found |= _named(f"{name}.left_in_all", self._elsewhere(parse(one), b))
                found |= _named(f"{name}.right_in_all", self._elsewhere(parse(other), a))
        first, second = parse(left.get(self.titles[0], "")), parse(right.get(self.titles[1], ""))
        found |= _named("title", self._words(first, second) | self._differences(first, second))
        found |= _named("title_in_all", {"left": self.weights.share(first, b), "right": self.weights.share(second, a)})
        found |= _named("all", self._words(a, b))
        sides = {"title": (first, second), "all": (a, b), "left_title": (first, b), "right_title": (a, second)}
        for name, (one, other) in sides.items():
            found |= _named(f"{name}.codes", compare_codes(one, other, self.weights))
        return found | _named("title", _quantities(first, second)) | _named("all", _quantities(a, b))

    def _texts(self, left: str, right: str) -> dict[str, float]:
        missing = {"no_left": float(not left), "no_right": float(not right)}
        return missing | self._words(parse(left), parse(right))

    def _elsewhere(self, cell: Words, other: Words) -> dict[str, float]:
        """Whether a cell stands in any column of the other side: a brand, a model number, in the other's title."""
        found = bool(cell.squeezed) and cell.squeezed in other.squeezed
        return {"share": self.weights.share(cell, other), "found": float(found)}

    def _words(self, a: Words, b: Words) -> dict[str, float]:
        both, any_of = len(a.counts.keys() & b.counts.keys()), len(a.counts.keys() | b.counts.keys())
        return {
            "cosine": self.weights.cosine(a, b),
            "left_in_right": self.weights.share(a, b),
            "right_in_left": self.weights.share(b, a),
            "trigrams": dice(a.trigrams, b.trigrams),
            "jaccard": both / any_of if any_of else 0.0,
            "equal": float(a.squeezed == b.squeezed and bool(a.squeezed)),
        }

    def _differences(self, a: Words, b: Words) -> dict[str, float]:
        left, right = a.counts.keys(), b.counts.keys()
        found = {"same_start": float(next(iter(left), "") == next(iter(right), ""))}
        for name, words in (("both", left & right), ("left_only", left - right), ("right_only", right - left)):
            weights = [self.weights.idf(word) for word in words]
            found |= _named(name, {"sum": sum(weights), "max": max(weights, default=0.0), "count": float(len(words))})
        return found | {"soft_left": self.weights.soft_share(a, b), "soft_right": self.weights.soft_share(b, a)}

    def get_config(self) -> dict[str, Any]:
        return {"left": self.left, "right": self.right, "numeric": self.numeric, "weights": self.weights.get_config()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Comparer:
        return cls(config["left"], config["right"], config["numeric"], WordWeights(**config["weights"]))


def whole(record: Record) -> str:
    """All cells in a row."""
    return " ".join(filter(None, record.values()))


def _named(name: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{name}.{key}": value for key, value in values.items()}


def _holds_numbers(name: str, left: Sequence[Record], right: Sequence[Record]) -> bool:
    cells = [row[name] for side in (left, right) for row in side if row.get(name)]
    return bool(cells) and sum(map(is_number, cells)) > 0.9 * len(cells)


def _numbers(left: str, right: str) -> dict[str, float]:
    """The ratio of the smaller number to the larger, both plus 1; half where one is missing."""
    a, b = as_number(left), as_number(right)
    known = a is not None and b is not None
    return {
        "no_left": float(a is None),
        "no_right": float(b is None),
        "ratio": math.exp(-abs(math.log1p(a) - math.log1p(b))) if known else 0.5,
        "equal": float(known and a == b),
    }


def _quantities(a: Words, b: Words) -> dict[str, float]:
    both, smaller = len(a.numbers & b.numbers), min(len(a.numbers), len(b.numbers))
    return {
        "numbers.both": float(min(both, MOST)),
        "numbers.left_only": float(min(len(a.numbers) - both, MOST)),
        "numbers.right_only": float(min(len(b.numbers) - both, MOST)),
        "numbers.share": both / max(smaller, 1),
    }
