"""What a fitted recommender knows: its products and its users."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from product_matching._vectors import unit
from product_matching.errors import DataError
from product_matching.recommendation.features import ProductFeatures
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.interactions import Interactions


@dataclass(frozen=True)
class KnownProducts:
    """Products by position: the ones with the most events first, so that equal scores go to the more popular.

    Attributes:
        ids: str [N], unique.
        counts: float32 [N], summed weights of their events.
        vectors: float32 [N, D], zeros where a product has none; None where no product has one.
        prices: float64 [N], nan where unknown.
    """

    ids: np.ndarray
    counts: np.ndarray
    vectors: np.ndarray | None
    prices: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def places(self) -> dict[str, int]:
        """From id to position."""
        return {name: place for place, name in enumerate(self.ids.tolist())}

    @cached_property
    def directions(self) -> np.ndarray | None:
        """The vectors at length 1, zeros where a product has none: float32 [N, D]."""
        return None if self.vectors is None else unit(self.vectors)

    def positions(self, ids: np.ndarray | list[str]) -> np.ndarray:
        """int64 [n]: positions of these ids, -1 where one is unknown."""
        return np.array([self.places.get(str(name), -1) for name in ids], dtype=np.int64)

    @classmethod
    def collect(cls, interactions: Interactions, features: ProductFeatures | None) -> KnownProducts:
        """All products that have an event or a feature."""
        empty = cls(np.zeros(0, dtype=interactions.products.dtype), np.zeros(0, np.float32), None, np.zeros(0))
        weights = np.bincount(interactions.product, interactions.weight, minlength=len(interactions.products))
        order = np.argsort(-weights, kind="stable")
        order = order[weights[order] > 0]
        first = interactions.products[order]
        return empty.extended(first, features).counted(interactions)

    def extended(self, ids: np.ndarray, features: ProductFeatures | None) -> KnownProducts:
        """With more products behind, those of `ids` before those of `features`; what was known keeps its place."""
        wanted = list(dict.fromkeys([*ids.tolist(), *(() if features is None else features.product_ids.tolist())]))
        new = [name for name in wanted if name not in self.places]
        names = np.array([*self.ids.tolist(), *new], dtype=str)
        grown = KnownProducts(
            names,
            np.concatenate([self.counts, np.zeros(len(new), np.float32)]),
            None if self.vectors is None else np.pad(self.vectors, ((0, len(new)), (0, 0))),
            np.concatenate([self.prices, np.full(len(new), np.nan)]),
        )
        return grown if features is None else grown._described(features)

    def counted(self, interactions: Interactions) -> KnownProducts:
        """With the weights of more events."""
        counts = np.bincount(interactions.product, interactions.weight, minlength=len(interactions.products))
        total = self.counts.copy()
        used = counts > 0
        total[self.positions(interactions.products[used])] += counts[used].astype(np.float32)
        return KnownProducts(self.ids, total, self.vectors, self.prices)

    def _described(self, features: ProductFeatures) -> KnownProducts:
        places, vectors, prices = self.positions(features.product_ids), self.vectors, self.prices
        if features.vectors is not None:
            width = features.vectors.shape[1]
            if vectors is not None and vectors.shape[1] != width:
                raise DataError(
                    f"The vectors have {width} numbers each; those the model knows have {vectors.shape[1]}."
                )
            vectors = np.zeros((len(self), width), np.float32) if vectors is None else vectors.copy()
            vectors[places] = features.vectors
        if features.prices is not None:
            prices = prices.copy()
            prices[places] = features.prices
        return KnownProducts(self.ids, self.counts, vectors, prices)


@dataclass(frozen=True)
class KnownUsers:
    """Users and what they took.

    Attributes:
        ids: str [U], unique.
        histories: One a user; its `users` say whose history has not changed since the fit.
    """

    ids: np.ndarray
    histories: Histories

    @cached_property
    def places(self) -> dict[str, int]:
        """From id to row."""
        return {name: place for place, name in enumerate(self.ids.tolist())}

    def of(self, ids: list[str]) -> Histories:
        """Histories of these users; an unknown one has none."""
        return self.histories.take(np.array([self.places.get(str(name), -1) for name in ids], dtype=np.int64))

    @classmethod
    def collect(cls, interactions: Interactions, products: KnownProducts) -> KnownUsers:
        """The users of the events, as the model sees them when it is fitted."""
        positions = products.positions(interactions.products)[interactions.product]
        columns = (positions, interactions.weight, interactions.time, interactions.offsets)
        return cls(interactions.users, Histories(*columns, np.arange(len(interactions.users))))

    def merged(self, interactions: Interactions, products: KnownProducts) -> KnownUsers:
        """With more events, each in its place in time; what changed is marked by -1 in `histories.users`."""
        more = KnownUsers.collect(interactions, products)
        changed = np.unique(interactions.users[interactions.user])
        new = [name for name in changed.tolist() if name not in self.places]
        ids = np.array([*self.ids.tolist(), *new], dtype=str)
        places = {name: place for place, name in enumerate(ids.tolist())}
        mapped = np.array([places.get(name, -1) for name in interactions.users.tolist()], dtype=np.int64)
        old = self.histories
        user = np.concatenate([old.rows, mapped[more.histories.rows]])
        time = np.concatenate([old.times, more.histories.times])
        order = np.lexsort((time, user))
        columns = [
            np.concatenate([getattr(old, name), getattr(more.histories, name)])[order]
            for name in ("products", "weights")
        ]
        marks = np.concatenate([old.users, np.full(len(new), -1)])
        marks[[places[name] for name in changed.tolist()]] = -1
        offsets = np.searchsorted(user[order], np.arange(len(ids) + 1))
        return KnownUsers(ids, Histories(*columns, time[order], offsets, marks))
