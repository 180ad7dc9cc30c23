"""Candidates for a query in one order, which does not depend on how many of them are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np

from product_matching._types import FloatArray

WORD_WEIGHT = 1.2
"""What full agreement of words adds to a cosine, where no index has learned better; see `part_weights`."""
TEXT_WEIGHT = 0.0
"""What a cosine of 1 with the vector of a product's words alone adds to that, where no index has learned better."""
CODE_WEIGHT = 3.0
"""More than a cosine, from -1 to 1, and all its reach."""


def order_of(cosine: Any, reach: Any, words: Any, code: Any, word_weight: Any, text: Any, text_weight: Any) -> Any:
    """What results are ranked by, of numbers or of arrays: a named product before all others."""
    # Twice the weight of texts, as these cosines, too, are from -1 to 1.
    named = CODE_WEIGHT + word_weight + 2 * text_weight
    return cosine - reach + word_weight * words + text_weight * text + named * code


@dataclass(frozen=True)
class Ranking:
    """Products and what ranks them, the best first.

    Attributes:
        part: Which of several indexes each is in, int64 [n].
        place: Its position there, int64 [n].
        cosine: With the query, float32 [n].
        reach: What is taken from that, see `QueryReach`, float32 [n].
        words: Agreement of words, 0 to 1, float32 [n].
        code: 1 where the query names it, else 0, float32 [n].
        word_weight: What full agreement of words adds to the cosine, float64 [n].
        text: Cosine of the query with what its words alone say; 0 where that was not asked for, float32 [n].
        text_weight: What 1 of that adds, float64 [n].
    """

    part: np.ndarray
    place: np.ndarray
    cosine: FloatArray
    reach: FloatArray
    words: FloatArray
    code: FloatArray
    word_weight: np.ndarray
    text: FloatArray
    text_weight: np.ndarray

    def __len__(self) -> int:
        return len(self.place)

    @cached_property
    def order(self) -> FloatArray:
        """What they are ranked by, float64 [n]."""
        return order_of(*(getattr(self, field.name) for field in fields(self)[2:]))

    def take(self, rows: np.ndarray | slice) -> Self:
        """Some of them, in the order of `rows`, int64 or bool."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @cached_property
    def nearness(self) -> FloatArray:
        """The cosine less the reach: from where on a product counts as a match, float32 [n]."""
        return self.cosine - self.reach

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """All of each, in the order of the attributes, as Python's numbers."""
        return zip(*(getattr(self, field.name).tolist() for field in fields(self)), strict=True)

    def sorted(self) -> Self:
        """By `order`, equal ones by part and place."""
        return self.take(np.lexsort((self.place, self.part, -self.order)))

    @classmethod
    def joined(cls, rankings: Sequence[Ranking]) -> Self:
        """Those of several indexes, each in order, numbered from 0, in one order."""
        if len(rankings) == 1:
            return rankings[0]
        parts = [np.full(len(ranking), number) for number, ranking in enumerate(rankings)]
        rest = (np.concatenate([getattr(r, field.name) for r in rankings]) for field in fields(cls)[1:])
        return cls(np.concatenate(parts), *rest).sorted()

    def followed_by(self, others: Self) -> Self:
        """These, then those of the others that are not among them."""
        rest = others.take(~np.isin(others._keys, self._keys))
        return type(self)(
            *(np.concatenate([getattr(self, field.name), getattr(rest, field.name)]) for field in fields(self))
        )

    @property
    def _keys(self) -> np.ndarray:
        return self.part.astype(np.int64) << 48 | self.place


def best_places(scores: np.ndarray, count: int) -> np.ndarray:
    """Where the highest scores above 0 are, `[count]` or fewer; of equal ones the first."""
    places = np.flatnonzero(scores > 0)
    if len(places) <= count:
        return places
    found = scores[places]
    # Partitioning numbers takes a tenth of the time of partitioning their places.
    least = np.partition(found, len(found) - count)[len(found) - count]
    above = places[found > least]
    return np.concatenate([above, places[found == least][: count - len(above)]])
