"""The contract of every recommender, and all of it that does not depend on the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from product_matching.errors import ConfigError, DataError
from product_matching.recommendation import storage
from product_matching.recommendation.features import ProductFeatures
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.interactions import Interactions
from product_matching.recommendation.known import KnownProducts, KnownUsers
from product_matching.recommendation.top_k import top_k

BLOCK_SCORES = 1 << 23
"""Scores held at a time, 32 MiB: users x products never stand in memory at once."""


class Recommender(ABC):
    """Ranks products for users. A subclass is a dataclass of options that fills `_fit`, `_score` and `_state`.

    A user is what they took, in order of time: known users are looked up, others are given by their history. Those
    without a history get what is most popular.

    Attributes:
        products: What can be recommended, once fitted.
        users: Who is known, once fitted.
        rank_probabilities: float64 [depth], see `rank_probability`, once measured by whoever fitted the model; or None.

    Example:
        model = ItemKNN().fit(load_interactions("interactions.csv"))
        ids, scores = model.recommend(["U0001"], k=5)               # str [1, 5], float32 [1, 5]
        ids, scores = model.recommend(histories=[["P00007", "P00012"]])
    """

    needs_vectors: ClassVar[bool] = False
    compares: ClassVar[bool] = True  # `similar` tells of the products, not only how popular they are
    learnt: ClassVar[tuple[str, ...]] = ()  # attributes that are arrays, to be saved
    products: KnownProducts
    users: KnownUsers
    rank_probabilities: ClassVar[np.ndarray | None] = None

    def fit(self, interactions: Interactions, features: ProductFeatures | None = None) -> Self:
        """Learns from events.

        Args:
            interactions: The events.
            features: Vectors and prices of products, also of such that nobody took.

        Raises:
            DataError: If there is no event, or the model needs vectors and there are none.
        """
        if not len(interactions):
            raise DataError("There is no interaction to learn from.")
        products = KnownProducts.collect(interactions, features)
        if self.needs_vectors and products.vectors is None:
            raise DataError(f"{type(self).__name__} needs product vectors: give features with vectors.")
        self.products, self.users = products, KnownUsers.collect(interactions, products)
        self._fit()
        return self

    def recommend(
        self,
        users: Sequence[str] | None = None,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        k: int = 10,
        candidates: Sequence[str] | None = None,
        exclude_seen: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ranks products for each user.

        Args:
            users: Ids [B]; an unknown one has an empty history. Or:
            histories: What B users took, product ids, oldest first; unknown ids are passed over.
            k: How many products to return.
            candidates: The only products that may be returned (what a filter left, what is in stock); None: all.
            exclude_seen: Leave out what is in the user's history.

        Returns:
            Product ids, str [B, k], and scores, float32 [B, k]: the highest first, equal ones by popularity. Where
            fewer products are left, the rest is `""` and -inf. What a score means depends on the model.

        Raises:
            ConfigError: If k is below 1.
            DataError: If neither or both of users and histories are given.
        """
        if k < 1:
            raise ConfigError(f"k must be 1 or more, not {k}.")
        found = self.histories_of(users, histories)
        ids = np.full((len(found), k), "", dtype=self.products.ids.dtype)
        scores = np.full((len(found), k), -np.inf, dtype=np.float32)
        for rows, block in self.blocks(found, candidates=candidates, exclude_seen=exclude_seen):
            best, scores[rows] = top_k(block, k)
            ids[rows] = np.where(best < 0, "", self.products.ids[best])
        return ids, scores

    def similar(self, products: Sequence[str], *, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Finds the products most like each of these, without itself.

        Returns:
            Product ids, str [B, k], and scores, float32 [B, k], padded as in `recommend`.

        Raises:
            DataError: If a product is not known.
        """
        positions = self._known(products)
        scores = self._complete(np.array(self._similar(positions), dtype=np.float32))
        scores[np.arange(len(positions)), positions] = -np.inf
        best, values = top_k(scores, k)
        return np.where(best < 0, "", self.products.ids[best]), values

    def update(self, interactions: Interactions, features: ProductFeatures | None = None) -> Self:
        """Takes in new events, users and products without learning anew; the next `recommend` sees them.

        What the model knows of products stays as it was fitted, so fit it again from time to time, every night say.
        New products with vectors are recommended at once by models that use vectors, by the others after a refit.
        """
        used = interactions.products[interactions.product_counts() > 0]
        self.products = self.products.extended(used, features).counted(interactions)
        self.users = self.users.merged(interactions, self.products)
        return self

    def save(self, folder: str | Path) -> None:
        """Writes the model into a folder, whole or not at all, in place of what was there."""
        storage.save(Path(folder), self)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            BundleError: If a file is missing, damaged, of a newer format, or of another model.
        """
        return storage.load(Path(folder), cls)

    def histories_of(
        self, users: Sequence[str] | None = None, histories: Sequence[Sequence[str]] | None = None
    ) -> Histories:
        """The histories that `recommend` would work from: by user id, or as given."""
        if (users is None) == (histories is None):
            raise DataError("Give either users or histories.")
        if users is not None:
            return self.users.of([users] if isinstance(users, str) else list(users))
        lists = [self.products.positions(list(history)) for history in histories]
        return Histories.from_lists([list(positions[positions >= 0]) for positions in lists])

    def blocks(
        self, histories: Histories, *, candidates: Sequence[str] | None = None, exclude_seen: bool = True
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Scores all products, some users at a time: (rows, float32 [b, N]), -inf for what may not be returned."""
        barred = np.zeros(len(self.products), dtype=bool)
        if candidates is not None:
            barred[:] = True
            positions = self.products.positions(list(candidates))
            barred[positions[positions >= 0]] = False
        step = max(1, BLOCK_SCORES // max(1, len(self.products)))
        for start in range(0, len(histories), step):
            part = histories.take(np.arange(start, min(start + step, len(histories))))
            scores = self.scores(part)
            scores[:, barred] = -np.inf
            if exclude_seen:
                scores[part.rows, part.products] = -np.inf
            yield slice(start, start + len(part)), scores

    def scores(self, histories: Histories) -> np.ndarray:
        """Scores of all products for some users, float32 [B, N]; -inf for products that the model cannot place."""
        known = histories.below(self.placed)
        scores = self._complete(np.asarray(self._score(known), dtype=np.float32))
        nothing = known.lengths == 0
        if nothing.any():
            scores[nothing] = self._popularity()
        return scores

    @property
    def parts(self) -> dict[str, Recommender]:
        """The fitted recommenders that it joins, by name; one that joins none is its own only part."""
        from product_matching.recommendation.models import name_of

        return {name_of(self): self}

    @property
    def placed(self) -> int:
        """How many products, from the front, the model can place; `_score` is asked for nothing behind them."""
        return len(self.products)

    @abstractmethod
    def _fit(self) -> None:
        """Learns from `self.users.histories` and `self.products`."""

    @abstractmethod
    def _score(self, histories: Histories) -> np.ndarray:
        """Scores [B, placed], a new array, for histories of products below `placed`; an empty one may come."""

    @abstractmethod
    def _similar(self, positions: np.ndarray) -> np.ndarray:
        """Similarity [B, placed] of products to those at these positions."""

    def _state(self) -> dict[str, np.ndarray]:
        """What `_fit` learnt, as arrays (no object arrays)."""
        return {name: getattr(self, name) for name in self.learnt}

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        """Takes back what `_state` gave; products and users are already there."""
        for name in self.learnt:
            setattr(self, name, state[name])

    def _popularity(self) -> np.ndarray:
        return self.products.counts

    def _complete(self, scores: np.ndarray) -> np.ndarray:
        missing = len(self.products) - scores.shape[1]
        return np.pad(scores, ((0, 0), (0, missing)), constant_values=-np.inf) if missing else scores

    def _known(self, products: Sequence[str]) -> np.ndarray:
        positions = self.products.positions(list(products))
        if (positions < 0).any() or (positions >= self.placed).any():
            wrong = (positions < 0) | (positions >= self.placed)
            raise DataError(f"The model does not know the product {str(products[int(wrong.argmax())])!r}.")
        return positions
