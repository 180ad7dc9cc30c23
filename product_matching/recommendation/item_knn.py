"""Item k-nearest neighbours: products taken by the same users, and in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from product_matching._optional import require
from product_matching.errors import ConfigError, unknown_name
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.item_pairs import OrderedPairs, PlainPairs
from product_matching.recommendation.recommender import Recommender
from product_matching.recommendation.storage import packed, unpacked

Similarity = Literal["cosine", "asymmetric", "jaccard", "dice", "conditional", "lift"]
PAIRS_AT_A_TIME = 1 << 25  # pairs of events; some 1 GB
SIMILARITIES = ("cosine", "asymmetric", "jaccard", "dice", "conditional", "lift")


@dataclass(eq=False)
class ItemKNN(Recommender):
    """score(u, j) = Σ over i in the history of u of decay(i) · s(i, j), s kept for the nearest neighbours only.

    c(i, j) counts how often i and j were taken by one user: plainly (Sarwar et al., 2001), or, with `gap_decay` or
    `backward` below 1, the more the fewer purchases lie between them and the more if j came after i, which suits
    the question what comes next. n(i) is the count of i. With a shrinkage z:

        cosine       c / (sqrt(n(i) n(j)) + z)          jaccard     c / (n(i) + n(j) - c + z)
        asymmetric   c / (n(i)^a n(j)^(1-a) + z)        dice        2 c / (n(i) + n(j) + z)
        conditional  c / (n(i) + z)                     lift        c / (n(i) n(j) + z)

    Args:
        similarity: Which of these (asymmetric: Aiolli, 2013).
        neighbours: How many j are kept for each i; 0: all.
        shrink: z; it takes weight from likeness that rests on few users.
        alpha: a of `asymmetric`.
        history_decay: decay(i) = history_decay^(steps back from the latest event); 1: all count the same.
        gap_decay: c counts gap_decay^(purchases between them) for a pair; 1: the gap does not matter.
        backward: What a pair counts for (i, j) when j came before i; 1: the order does not matter.
        window: Pairs further apart than so many events of a user are not counted; 0: all are.
        user_damping: A pair of a user with n events counts n^(-user_damping).
    """

    similarity: Similarity = "cosine"
    neighbours: int = 200
    shrink: float = 0.0
    alpha: float = 0.5
    history_decay: float = 1.0
    gap_decay: float = 1.0
    backward: float = 1.0
    window: int = 0
    user_damping: float = 0.0

    def __post_init__(self) -> None:
        if self.similarity not in SIMILARITIES:
            raise ConfigError(unknown_name("similarity", self.similarity, SIMILARITIES))

    def _fit(self) -> None:
        sparse = require("scipy.sparse", "recommend")
        histories, count = self.users.histories, len(self.products)
        counts = np.bincount(histories.products, histories.weights, minlength=count)
        pairs = self._pairs(histories, count)
        blocks = [
            _nearest(self._similarities(pairs.of(rows), counts, rows.start), self.neighbours)
            for rows in _blocks(histories, count)
        ]
        self._neighbours = sparse.vstack(blocks, format="csr")

    def _score(self, histories: Histories) -> np.ndarray:
        values = histories.weights * np.float32(self.history_decay) ** histories.steps_back
        return (histories.matrix(self.placed, values) @ self._neighbours).toarray()

    def _similar(self, positions: np.ndarray) -> np.ndarray:
        return self._neighbours[positions].toarray()

    @property
    def placed(self) -> int:
        return self._neighbours.shape[0]

    def _state(self) -> dict[str, np.ndarray]:
        return packed(self._neighbours, "neighbours")

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self._neighbours = unpacked(state, "neighbours")

    def _pairs(self, histories: Histories, count: int) -> PlainPairs | OrderedPairs:
        damping = np.maximum(histories.lengths, 1.0) ** -self.user_damping
        if (self.gap_decay, self.backward, self.window) == (1.0, 1.0, 0):
            return PlainPairs(histories, damping, count)
        return OrderedPairs(histories, damping, count, self.gap_decay, self.backward, self.window)

    def _similarities(self, together: Any, counts: np.ndarray, first: int) -> Any:
        """Similarities of some rows of c, CSR float32 [rows, N], the first of them that of product `first`."""
        result = together.tocsr()
        rows = np.repeat(np.arange(first, first + result.shape[0]), np.diff(result.indptr))
        a, b, c = counts[rows], counts[result.indices], result.data
        bottoms = {
            "cosine": lambda: np.sqrt(a * b),
            "asymmetric": lambda: a**self.alpha * b ** (1 - self.alpha),
            "jaccard": lambda: np.maximum(a + b - c, c),  # repeated purchases would take it to 0
            "dice": lambda: (a + b) / 2,
            "conditional": lambda: a,
            "lift": lambda: a * b,
        }
        shrink = self.shrink / 2 if self.similarity == "dice" else self.shrink
        result.data = (c / (bottoms[self.similarity]() + shrink)).astype(np.float32)
        result.data[rows == result.indices] = 0
        return result


def _blocks(histories: Histories, count: int) -> list[slice]:
    """Ranges of products whose pairs fit into memory together."""
    pairs = np.bincount(histories.products, histories.lengths[histories.rows], minlength=count)
    number = np.cumsum(pairs) // PAIRS_AT_A_TIME
    edges = np.flatnonzero(np.diff(number)) + 1
    return [slice(a, b) for a, b in zip([0, *edges.tolist()], [*edges.tolist(), count], strict=True)]


def _nearest(similarities: Any, count: int) -> Any:
    """Keeps the `count` largest entries above 0 of each row; equal ones by column."""
    kept = similarities.data > 0
    starts = similarities.indptr
    for row in np.flatnonzero(np.diff(starts) > count) if count else ():
        inside = slice(starts[row], starts[row + 1])
        values = similarities.data[inside]
        least = np.partition(values, len(values) - count)[len(values) - count]
        if least <= 0:
            continue
        kept[inside] = values > least
        ties = np.flatnonzero(values == least)
        room = count - np.count_nonzero(kept[inside])
        kept[starts[row] + ties[np.argsort(similarities.indices[inside][ties])[:room]]] = True
    offsets = np.concatenate([[0], np.cumsum(kept)])[starts]
    parts = (similarities.data[kept], similarities.indices[kept], offsets)
    result = type(similarities)(parts, shape=similarities.shape)
    result.sort_indices()
    return result
