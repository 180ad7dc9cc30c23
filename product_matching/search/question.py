"""What is asked of one index or several at once, and what comes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from product_matching._types import FloatArray
from product_matching.metrics.reach import NEITHER, Sides
from product_matching.search.facets import Facet
from product_matching.search.filters import Filter
from product_matching.search.options import Arrangement
from product_matching.search.product_index import ProductIndex
from product_matching.search.product_table import Hit
from product_matching.search.ranking import Ranking

UNKNOWN = "unknown words"
"""Kind of a query by words of which no product has any."""
ENOUGH_WORDS = 1 / 6
"""Agreement of words from which a product matches, whatever its vector says: all words are there, or the half of
BM25's highest score."""


@dataclass(frozen=True)
class Part:
    """An index, or the part of a collection that is in it.

    Attributes:
        index: The products.
        filters: Conditions on their attributes, all of which are columns there.
        hidden: Products not to return.
    """

    index: ProductIndex
    filters: Sequence[Filter] = ()
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Question(Arrangement):
    """What is looked for, and how the answer is to be arranged.

    Attributes:
        vector: Of the query, float32 [D].
        text: Its words as written; empty to rank by the vector alone.
        share: What part of the query the words are, 0 to 1.
        sides: What part of the vector is words and what part is a picture; see `metrics.reach`.
        least_cosine: From which, less its reach, a product counts as a match; -inf: all do.
        only_matches: Leave out what is no match.
    """

    vector: FloatArray
    text: str = ""
    share: float = 1.0
    sides: Sides = NEITHER
    least_cosine: float = -math.inf
    only_matches: bool = False

    def matches(self, ranking: Ranking) -> np.ndarray:
        """Which products count as a match, bool [n]: by vector, by words, or because they are named."""
        return (ranking.nearness >= self.least_cosine) | (ranking.words >= ENOUGH_WORDS) | (ranking.code > 0)


@dataclass(frozen=True)
class Answer:
    """A page of results.

    Attributes:
        hits: The products, ranked from offset + 1.
        matched: Whether there is any match among all results.
        total: How many products match; None where nobody asked for facets.
        facets: Counts over the products that match.
    """

    hits: list[Hit]
    matched: bool
    total: int | None = None
    facets: list[Facet] = field(default_factory=list)
