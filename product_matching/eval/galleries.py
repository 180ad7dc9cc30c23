"""What is asked among: items that rank as in a search, by cosine less how near queries come to them anyway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from keras import ops

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog
from product_matching.metrics.reach import IMAGE, TEXT, Bank, QueryReach, Sides, widened, widened_query
from product_matching.model import ProductModel

BANK = 1024
"""Of the training products' texts and images that calibration kept, so many of each stand for queries."""
SAME = 0.9999
"""Cosine from which two texts, or two images, are one."""
CHUNK = 4096
ASKED_BY = {"image": (TEXT,), "text": (IMAGE,), "product": (TEXT, IMAGE)}
"""What is asked for the items of a view; a text among texts is no question."""


@dataclass(frozen=True)
class Ranker:
    """Makes vectors whose inner products rank as a search does.

    As the match head takes half of an item's reach from its score, see `metrics.reach`. The queries of training stand
    for those of shoppers; a product's own ones are left out.

    Attributes:
        banks: By kind, what queries are like, float32 [Q, D]; `{}`: all is ranked by inner products alone.
    """

    banks: Mapping[str, FloatArray]

    @classmethod
    def of(cls, model: ProductModel) -> Self:
        """By what calibration has kept; nothing is known of a model that was not calibrated with training products."""
        reach = model.head.reach
        if reach is None:
            return cls({})
        images, texts = ops.convert_to_numpy(reach.references)
        found = {TEXT: texts, IMAGE: images}
        known = {kind: vectors[np.any(vectors, axis=1)][:BANK] for kind, vectors in found.items()}
        return cls({kind: vectors for kind, vectors in known.items() if len(vectors)})

    def queries(self, vectors: FloatArray, sides: Sides) -> FloatArray:
        """Queries [Q, D] of which these parts are words and pictures, for `items`."""
        return widened_query(vectors, sides) if self.banks else vectors

    def items(
        self,
        vectors: FloatArray,
        own: Mapping[str, FloatArray],
        products: pd.DataFrame | None = None,
        *,
        seen: np.ndarray | None = None,
    ) -> FloatArray:
        """What is searched, for `queries`.

        Args:
            vectors: Float32 [N, D].
            own: By each kind that they are asked for by, the vectors of their own texts or images, [N, D].
            products: Their rows, where some lack a modality that went into the vectors.
            seen: Bool [N], whether the model was trained on them; None: on all or on none.
        """
        if not self.banks:
            return vectors
        table = pd.DataFrame(index=range(len(vectors))) if products is None else products
        taken = np.zeros((2, len(vectors)), np.float32)
        for place, kind in enumerate((TEXT, IMAGE)):
            if kind in self.banks and kind in own:
                known, bank = _identified(own[kind], self.banks[kind])
                rows = table.assign(product_id=known)
                banks = {kind: Bank.of(self.banks[kind], bank)}
                taken[place] = QueryReach.learned(banks, vectors, rows, seen=seen)[1][place]
        return widened(vectors, taken)


class Gallery:
    """The products of a catalogue, view by view.

    Args:
        ranker: What ranks them.
        catalog: The products.
        views: Their vectors.
        seen: Bool [N], whether the model was trained on them; None: on all or on none.
    """

    def __init__(
        self, ranker: Ranker, catalog: Catalog, views: Mapping[str, FloatArray], seen: np.ndarray | None = None
    ) -> None:
        self.ranker, self.catalog, self.views, self.seen = ranker, catalog, views, seen
        self._items: dict[str, tuple[IntArray, FloatArray]] = {}

    def items(self, view: str) -> tuple[IntArray, FloatArray]:
        """Rows of the catalogue, and what stands for them in `view`: of images and texts, where a product has both."""
        if view not in self._items:
            whole = view == "product"
            rows = np.arange(len(self.catalog)) if whole else self.catalog.with_image_and_text()
            own = {kind: self.views[kind][rows] for kind in ASKED_BY[view]}
            table = self.catalog.table.iloc[rows] if whole else None
            seen = None if self.seen is None else self.seen[rows]
            self._items[view] = rows, self.ranker.items(self.views[view][rows], own, table, seen=seen)
        return self._items[view]


def _identified(own: FloatArray, bank: FloatArray) -> tuple[IntArray, IntArray]:
    """Numbers that products [N] share with those queries of a bank [Q] that are their own."""
    of_bank = np.argmax(bank @ bank.T > SAME, axis=1)
    numbers = [np.empty(0, np.int64)]
    for start in range(0, len(own), CHUNK):
        alike = own[start : start + CHUNK] @ bank.T > SAME
        nobody = -1 - np.arange(start, start + len(alike))
        numbers.append(np.where(alike.any(axis=1), of_bank[np.argmax(alike, axis=1)], nobody))
    return np.concatenate(numbers), of_bank
