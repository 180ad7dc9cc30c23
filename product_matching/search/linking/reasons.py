"""Why two listings may be one product, in a few words."""

from __future__ import annotations

from collections.abc import Mapping

from product_matching.model.reranker.weights import WordWeights
from product_matching.model.reranker.words import as_number, parse

NUMERIC = set("0123456789.")
WORDS = 4
"""So many common words are named, the rarest first."""


def reason(left: Mapping[str, str], right: Mapping[str, str], weights: WordWeights) -> str:
    """What two records have in common, the most telling first; "" where it is nothing that can be named.

    >>> reason({"title": "Sony DVP-NS700H"}, {"title": "dvpns700h player by sony"}, WordWeights())
    'model number dvpns700h; words sony'
    """
    a, b = (parse(" ".join(cell for name, cell in record.items() if name != "image")) for record in (left, right))
    found = []
    if left.get("image") and left.get("image") == right.get("image"):
        found.append("same picture")
    first, second = (parse(next(iter(_words_of(record)), "")) for record in (left, right))
    if first.squeezed and first.squeezed == second.squeezed:
        found.append("same title")
    codes = sorted({*(c for c in a.codes if c in b.squeezed), *(c for c in b.codes if c in a.squeezed)}, key=len)
    if codes:
        found.append(f"model number {codes[-1]}")
    words = [word for word in a.counts.keys() & b.counts.keys() if word not in codes and set(word) - NUMERIC]
    words = sorted(words, key=lambda word: (-weights.idf(word), word))[:WORDS]
    if words and "same title" not in found:
        found.append(f"words {', '.join(words)}")
    prices = [as_number(record.get("price", "")) for record in (left, right)]
    if prices[0] and prices[0] == prices[1]:
        found.append("same price")
    return "; ".join(found)


def _words_of(record: Mapping[str, str]) -> list[str]:
    return [cell for name, cell in record.items() if cell and name not in ("image", "tags")]
