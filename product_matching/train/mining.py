"""Batches of products that the model takes for each other, found again after each epoch."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog, make_dataset

BLOCK, NEIGHBOURS = 8192, 64
"""Products that are compared with each other at a time, and neighbours of each that are tried."""
MOST_LIKE = 0.95
"""Of a product's own score, the most that another may have and be taken for a wrong answer."""


class HardNegatives(keras.callbacks.Callback):
    """Puts products side by side that are near in the model's space: from few in the first epochs to many in the last.

    How near two are is the score of each one's text with the other's image. Whoever scores above 95 % of a product's
    own pair may be the same article under another name, and is not set beside it (de Souza P. Moreira et al. 2024,
    "NV-Retriever", arXiv:2407.15831). The rest stand with their kind, as before.

    Args:
        catalog: Training products.
        share: Of the products that stand by nearness in the last epoch, 0 to 1; in the first it is 0, in between it
            rises evenly: a model that knows nothing has no near products.
        epochs: Of the training.
        run: Products that stand together.
        batch_size: Products a forward pass.
        features: What frozen towers gave, as of `make_dataset`.
        seed: Of who is chosen.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        share: float,
        epochs: int,
        run: int,
        batch_size: int = 128,
        features: Mapping[str, np.ndarray] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.catalog, self.share, self.epochs, self.run = catalog, share, epochs, run
        self.batch_size, self.features, self.seed = batch_size, features, seed
        self._kinds = pd.factorize(catalog.categories())[0].astype(np.int64)
        self._keys: dict[int, IntArray] = {}
        self._change = threading.Condition()
        self._closed = False

    def keys(self, epoch: int) -> IntArray:
        """A number for each product, the same for those that stand together: int64 [N]; waits for the epoch before.

        The input pipeline reads ahead, and asks for the next epoch while the last batches of this one are learned.
        """
        with self._change:
            self._change.wait_for(lambda: self._closed or int(epoch) in self._keys)
            return self._keys.get(int(epoch), self._kinds)

    def prepare(self, model: keras.Model, epoch: int) -> None:
        """Looks for the neighbours of an epoch."""
        share = self.share * epoch / max(self.epochs - 1, 1)
        keys = self._mined(model, share, epoch) if share > 0 else self._kinds
        with self._change:
            self._keys = {epoch: keys}
            self._change.notify_all()

    def close(self) -> None:
        """Lets a pipeline go on that waits for an epoch which does not come."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch + 1 < self.epochs:
            self.prepare(self.model, epoch + 1)

    def _mined(self, model: keras.Model, share: float, epoch: int) -> IntArray:
        batches = make_dataset(
            self.catalog, model.preprocessor, batch_size=self.batch_size, cache=False, features=self.features
        )
        views = model.predict(batches, verbose=0)
        rng = np.random.default_rng([self.seed, epoch])
        rows = rng.permutation(len(self.catalog))[: round(share * len(self.catalog))]
        keys, groups, free = self._kinds.copy(), self.catalog.families(), self._kinds.max(initial=0) + 1
        for block in np.array_split(rows, max(-(-len(rows) // BLOCK), 1)):
            found = near_runs(views["text"][block], views["image"][block], groups[block], run=self.run)
            keys[block] = np.where(found < 0, keys[block], free + found)
            free += len(block)
        return keys


def near_runs(text: FloatArray, image: FloatArray, groups: IntArray, *, run: int) -> IntArray:
    """Sets products together that score high with each other, `run` of them at most.

    Args:
        text, image: Vectors of M products, float32 [M, D]; zeros where one has none.
        groups: int [M]; two of one group are no negatives of each other.
        run: Products that stand together.

    Returns:
        int64 [M]: the same number, 0 to M - 1, for products that stand together; -1 for one that nobody is near.
    """
    score = text @ image.T
    own = np.diag(score).copy()
    score += score.T
    score[(score >= 2 * MOST_LIKE * own[:, None]) | (groups[:, None] == groups[None, :])] = -np.inf
    count = min(NEIGHBOURS, len(score))
    nearest = np.argpartition(-score, count - 1, axis=1)[:, :count] if count else np.zeros((0, 0), np.int64)
    nearest = np.take_along_axis(nearest, np.argsort(-np.take_along_axis(score, nearest, 1), axis=1, kind="stable"), 1)
    reachable = np.take_along_axis(score, nearest, 1) > -np.inf
    together = np.full(len(score), -1, np.int64)
    for row in range(len(score)):
        if together[row] >= 0:
            continue
        there = nearest[row][reachable[row]]
        beside = there[together[there] < 0][: run - 1]
        if len(beside):
            together[np.append(beside, row)] = row
    return together
