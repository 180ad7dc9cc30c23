"""How near queries come to an item of a gallery whatever they ask, which ranking takes off.

A product that has a text and nothing else lies nearer to anything that is typed than one that has a picture too, and
a product that the model was trained on nearer than a new one, and some products are near to all queries for no reason
at all: by cosine alone they stand above what was asked for. So what the reach of products of one make (with or without
picture, text, tags; trained on or new) differs from that of others is taken off whole, and, as in the match head, half
of what a product's reach differs within its make: cross-domain similarity local scaling, Conneau et al. 2018, "Word
translation without parallel data" (arXiv:1710.04087), here with what shoppers type or photograph as the other domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from product_matching._types import FloatArray

TEXT, IMAGE = KINDS = ("text", "image")
"""The kinds of queries."""
WEIGHT = 0.5
NEAREST, NEIGHBOURS = 5, 30
"""Queries by which makes, and by which products of one make are compared. Makes compete for the first places, by the
very nearest ones; of a single product these may rightly ask for it, and say nothing of others."""
CHUNK = 4096
ENOUGH = 20
"""Queries of a kind from which anything is learned."""

MAKES = {"image": ("image",), "text": ("title", "description"), "tags": ("tags",)}
"""The modalities, and the columns that a product has them from."""
ALL = "all"

Sides = tuple[float, float]
"""What part of a query is words, and what part is a picture, 0 to 1 each, in the order of `KINDS`."""
NEITHER: Sides = (0.0, 0.0)
"""Of a query that is no shopper's: a product's own vector, for one."""
WORDS: Sides = (1.0, 0.0)
PICTURE: Sides = (0.0, 1.0)
FUSED: Sides = (0.25, 0.25)
"""Of words and a picture that a model made one of: like a product, near to the one and far from the others."""


@dataclass(frozen=True)
class Bank:
    """Sensible queries of one kind.

    Attributes:
        vectors: Float32 [Q, D].
        made_of: Id of the product that each was made of, [Q].
    """

    vectors: FloatArray
    made_of: np.ndarray

    @classmethod
    def of(cls, vectors: FloatArray, made_of: Sequence[Any]) -> Self:
        """Of vectors [Q, D] and ids."""
        return cls(np.asarray(vectors, np.float32), np.asarray(made_of))

    def reach(self, vectors: FloatArray, ids: Sequence[Any]) -> FloatArray:
        """The mean cosines of the five and of the 30 queries nearest to each vector, float32 [N, D] to [2, N].

        Queries that were made of a product of the same id say nothing of how near others come to it, and are left out;
        nan where no other is left.
        """
        rows, queries = _same(np.asarray(ids), self.made_of)
        found = [np.empty((2, 0), np.float32)]
        for start in range(0, len(vectors), CHUNK):
            cosines = np.asarray(vectors[start : start + CHUNK], np.float32) @ self.vectors.T
            inside = slice(*np.searchsorted(rows, [start, start + len(cosines)]))
            cosines[rows[inside] - start, queries[inside]] = -np.inf
            highest = _highest(cosines, NEIGHBOURS)
            found.append(np.stack([_mean(_highest(highest, NEAREST)), _mean(highest)]))
        return np.concatenate(found, axis=1)


@dataclass(frozen=True)
class QueryReach:
    """What ranking takes from the cosines of products.

    Attributes:
        banks: The queries, by kind (`"text"`, `"image"`).
        typical: The mean reach of the products it was learned of, by kind, of those of each make and, as `"all"`, of
            all, as of `Bank.reach`; only what differs from this is taken off, so that most cosines stay what they are.
    """

    banks: Mapping[str, Bank]
    typical: Mapping[str, Mapping[str, Sequence[float]]]

    @classmethod
    def learned(
        cls, banks: Mapping[str, Bank], vectors: FloatArray, products: pd.DataFrame, *, seen: np.ndarray | None = None
    ) -> tuple[Self, FloatArray]:
        """Of the products of an index, and what `of` says of them.

        Args:
            banks: Queries, by kind.
            vectors, products, seen: As of `of`.
        """
        banks = {kind: bank for kind, bank in banks.items() if len(bank.vectors) >= ENOUGH}
        reached = {kind: bank.reach(vectors, products["product_id"]) for kind, bank in banks.items()}
        makes = makes_of(products, seen)
        learned = cls(banks, {kind: _means(reach, makes) for kind, reach in reached.items()})
        return learned, learned._taken(reached, makes)

    def of(self, vectors: FloatArray, products: pd.DataFrame, *, seen: np.ndarray | None = None) -> FloatArray:
        """What is to be taken from the cosine of products, for words and for pictures: float32 [2, N].

        Args:
            vectors: Float32 [N, D].
            products: N rows with `product_id`; columns of `MAKES` tell what each is made of.
            seen: Bool [N], whether the model was trained on them; None where nobody knows.
        """
        reached = {kind: bank.reach(vectors, products["product_id"]) for kind, bank in self.banks.items()}
        return self._taken(reached, makes_of(products, seen))

    def _taken(self, reached: Mapping[str, FloatArray], makes: np.ndarray) -> FloatArray:
        taken = np.zeros((len(KINDS), len(makes)), np.float32)
        for row, kind in enumerate(KINDS):
            if kind in reached:
                nearest, wide = reached[kind]
                # Of a make that was never seen nothing is known but this product.
                usual = [self.typical[kind].get(make, (np.nan, np.nan)) for make in makes.tolist()]
                of_make, wide_of_make = np.array(usual, np.float32).reshape(-1, 2).T
                between = np.where(np.isnan(of_make), nearest, of_make) - np.float32(self.typical[kind][ALL][0])
                within = wide - np.where(np.isnan(wide_of_make), wide, wide_of_make)
                taken[row] = np.nan_to_num(between + WEIGHT * within, nan=0.0)
        return taken

    def tuning_queries(self) -> FloatArray | None:
        """What an approximate index of `widened` vectors is tuned to, float32 [Q, D + 2]; None: no query is known.

        Words lie farther from products than pictures do: an effort that finds what they mean finds both.
        """
        for kind, sides in zip(KINDS, (WORDS, PICTURE), strict=True):
            if kind in self.banks:
                return widened_query(self.banks[kind].vectors, sides)
        return None


def makes_of(products: pd.DataFrame, seen: np.ndarray | None = None) -> np.ndarray:
    """What the vector of each product was made of, as far as the table tells: str [N], "image+text" or "text, new".

    Args:
        products: The table.
        seen: Bool [N], whether the model was trained on them.
    """
    there = {name: np.zeros(len(products), bool) for name in MAKES}
    for name, columns in MAKES.items():
        for column in set(columns) & set(products.columns):
            there[name] |= (products[column].fillna("").astype(str).str.strip() != "").to_numpy()
    rows = zip(*there.values(), strict=True)
    makes = np.array(["+".join(name for name, has in zip(MAKES, row, strict=True) if has) for row in rows], np.str_)
    return makes if seen is None else np.char.add(makes, np.where(seen, "", ", new"))


def toward(reach: FloatArray | None, sides: Sides) -> FloatArray | None:
    """What a query of these sides takes from each product, float32 [2, N] to [N]; None where it takes nothing."""
    if reach is None or not any(sides):
        return None
    words, picture = sides
    if not picture:
        return reach[0] if words == 1 else reach[0] * np.float32(words)
    return reach[0] * np.float32(words) + reach[1] * np.float32(picture)


def widened(vectors: FloatArray, reach: FloatArray) -> FloatArray:
    """Vectors whose inner product with a `widened_query` is what ranks them: [N, D] and [2, N] to [N, D + 2].

    So any index of inner products ranks by it.
    """
    return np.hstack([vectors, -reach.T]).astype(np.float32, copy=False)


def widened_query(queries: FloatArray, sides: Sides) -> FloatArray:
    """Queries for `widened` vectors: [Q, D] to [Q, D + 2]."""
    return np.hstack([queries, np.tile(np.array(sides, np.float32), (len(queries), 1))])


def _same(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where two arrays of ids hold the same one: places in either, int64, those in the first ascending."""
    if left.dtype.kind != right.dtype.kind:
        left, right = left.astype(str), right.astype(str)
    pairs = pd.merge(
        pd.DataFrame({"id": left, "left": np.arange(len(left))}),
        pd.DataFrame({"id": right, "right": np.arange(len(right))}),
        on="id",
    ).sort_values("left")
    return pairs["left"].to_numpy(), pairs["right"].to_numpy()


def _means(reach: FloatArray, makes: np.ndarray) -> dict[str, list[float]]:
    """Of all products that it can be told of, [2, N], and of those of each make."""
    known = pd.DataFrame(reach.T.astype(np.float64)).dropna()
    overall = known.mean().tolist() if len(known) else [0.0, 0.0]
    return {ALL: overall, **known.groupby(makes[known.index]).mean().T.to_dict("list")}


def _highest(cosines: FloatArray, count: int) -> FloatArray:
    """So many of each row, or all, in any order."""
    count = min(count, cosines.shape[1])
    return np.partition(cosines, cosines.shape[1] - count, axis=1)[:, -count:]


def _mean(cosines: FloatArray) -> FloatArray:
    """Of what there is in each row; nan where nothing is."""
    there = np.isfinite(cosines)
    total = np.where(there, cosines, 0).sum(axis=1)
    return np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan).astype(np.float32)
