"""Model numbers of two texts, compared: "DVP-NS700H / B" and "dvpns700hb" name one player."""

from __future__ import annotations

from product_matching.model.reranker.weights import WordWeights
from product_matching.model.reranker.words import SHORTEST_CODE, Words

MOST = 4
"""Counts end here."""
ALIKE = 0.7
"""Share of a model number, from its start, that must be found for it not to contradict."""
NONE = -0.1
"""Where a text has no model number: less than 0, which is one that is not found."""


def compare_codes(a: Words, b: Words, weights: WordWeights) -> dict[str, float]:
    """How far the model numbers of each text stand in the other.

    A model number is looked for among the letters and digits of the other text in a row, so that hyphens and spaces do
    not count; what counts is the share of it, from its start, that is found: colours and regions are at the end.
    """
    shared = a.codes & b.codes
    left, right = (
        [_found(code, text) for code in codes] for codes, text in ((a.codes, b.squeezed), (b.codes, a.squeezed))
    )
    clear = bool(left) and bool(right) and max(left + right) < ALIKE
    return {
        "left": float(min(len(left), MOST)),
        "right": float(min(len(right), MOST)),
        "shared": float(min(len(shared), MOST)),
        "rarest": max(map(weights.idf, shared), default=0.0),
        **_spread("left", left),
        **_spread("right", right),
        "longest": float(max(_whole(a, b) + _whole(b, a), default=0)),
        "conflict": float(clear),
    }


def _spread(name: str, shares: list[float]) -> dict[str, float]:
    shares = shares or [NONE]
    return {f"{name}_best": max(shares), f"{name}_worst": min(shares), f"{name}_mean": sum(shares) / len(shares)}


def _whole(a: Words, b: Words) -> list[int]:
    return [len(code) for code in a.codes if code in b.squeezed]


def _found(code: str, text: str) -> float:
    """Share of a model number, from its start, that stands in a text; 0 below four characters."""
    for length in range(len(code), SHORTEST_CODE - 1, -1):
        if code[:length] in text:
            return length / len(code)
    return 0.0
