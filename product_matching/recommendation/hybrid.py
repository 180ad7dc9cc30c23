"""The hybrid: candidates from several recommenders, ordered by a ranker that learnt from what users took next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from product_matching.errors import ConfigError, DataError
from product_matching.recommendation.candidates import Candidates, collect
from product_matching.recommendation.features import ProductFeatures
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.interactions import Interactions
from product_matching.recommendation.known import KnownProducts, KnownUsers
from product_matching.recommendation.ranker import Ranker, fit_ranker
from product_matching.recommendation.recommender import Recommender
from product_matching.recommendation.storage import under

USERS_AT_A_TIME = 128


@dataclass(eq=False)
class Hybrid(Recommender):
    """score(u, j) = the calibrated probability that u takes j next, for candidates; below 0 for all others.

    Fitting sets the last event of each user aside, fits the sources on the rest, shows the ranker their candidates and
    which of them was taken, and then fits the sources again on everything. Some products lose all their events in that
    first fit, so that the ranker learns what to believe of a product that nobody took yet. The ranker sees the scores
    and ranks of all sources, popularity, recency, price, the user's habit of price and the length of the history. What
    was seen is never a candidate. Sources that need vectors are left out where there are none.

    Args:
        sources: Names of recommenders (see `models.MODELS`); the first orders what is no candidate.
        source_options: Options of sources by name.
        candidates: Of each source.
        training_users: Users that the ranker learns from at most, drawn at random.
        cold_share: Share of the products that lose their events while the ranker learns, 0 to below 1.
        rounds, learning_rate, leaves: Of the trees.
        seed: Of draws and trees.
        threads: Of LightGBM; 0: all cores.
    """

    sources: tuple[str, ...] = ("item-knn", "als", "content", "popularity")
    source_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    candidates: int = 100
    training_users: int = 5_000
    cold_share: float = 0.05
    rounds: int = 150
    learning_rate: float = 0.05
    leaves: int = 31
    seed: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        self.sources = tuple(self.sources)
        if not self.sources or "hybrid" in self.sources:
            raise ConfigError(f"sources must name one recommender or more, and not the hybrid; got {self.sources}.")

    def _fit(self) -> None:
        chosen, targets = self._set_aside()
        known = self._without_last()
        self._sources = self._fitted(*known)
        rows, labels = [], []
        for start in range(0, len(chosen), USERS_AT_A_TIME):
            part = slice(start, start + USERS_AT_A_TIME)
            histories = known[1].histories.take(chosen[part])
            found, _ = collect(self._sources, histories, known[0], each=self.candidates)
            rows.append((found.features, found.rows + start, histories.lengths[found.rows]))
            labels.append(found.products == targets[part][found.rows])
        features, users, lengths = (np.concatenate(column) for column in zip(*rows, strict=True))
        names = ("rounds", "learning_rate", "leaves", "seed", "threads")
        options = {name: getattr(self, name) for name in names}
        taken = np.concatenate(labels).astype(np.int64)
        if not taken.any():
            raise DataError("No source foresees what any user took last: the hybrid has nothing to learn from.")
        self._ranker = fit_ranker(features, taken, users, lengths, **options)
        self._sources = self._fitted(self.products, self.users)

    def _score(self, histories: Histories) -> np.ndarray:
        result = np.empty((len(histories), len(self.products)), dtype=np.float32)
        for start in range(0, len(histories), USERS_AT_A_TIME):
            rows = np.arange(start, min(start + USERS_AT_A_TIME, len(histories)))
            part = histories.take(rows)
            found, rest = collect(self._sources, part, self.products, each=self.candidates)
            rest[found.rows, found.products] = self._probability(found, part)
            result[rows] = rest
        return result

    def _similar(self, positions: np.ndarray) -> np.ndarray:
        first = self._sources[next(iter(self._sources))]
        return first._complete(np.array(first._similar(positions), dtype=np.float32))

    def update(self, interactions: Interactions, features: ProductFeatures | None = None) -> Self:
        super().update(interactions, features)
        self._share()
        return self

    def _probability(self, found: Candidates, histories: Histories) -> np.ndarray:
        return self._ranker.probability(found.features, histories.lengths[found.rows])

    def _set_aside(self) -> tuple[np.ndarray, np.ndarray]:
        """Users [n] that the ranker learns from, and the last product of each [n]."""
        histories = self.users.histories
        able = np.flatnonzero(histories.lengths >= 2)
        if not len(able):
            raise DataError("No user has two events: the hybrid has nothing to learn from.")
        random = np.random.default_rng(self.seed)
        chosen = np.sort(random.choice(able, size=min(self.training_users, len(able)), replace=False))
        return chosen, histories.products[histories.offsets[chosen + 1] - 1]

    def _without_last(self) -> tuple[KnownProducts, KnownUsers]:
        """Products and users before the last event of each user with two or more, some products without events."""
        old = self.users.histories
        kept = (old.steps_back > 0) | (old.lengths < 2)[old.rows]
        cold = np.random.default_rng([self.seed, 1]).random(len(self.products)) < self.cold_share
        kept &= ~cold[old.products]
        offsets = np.concatenate([[0], np.cumsum(kept)])[old.offsets]
        histories = Histories(old.products[kept], old.weights[kept], old.times[kept], offsets, old.users)
        counts = np.bincount(histories.products, histories.weights, minlength=len(self.products))
        return replace(self.products, counts=counts.astype(np.float32)), KnownUsers(self.users.ids, histories)

    def _fitted(self, products: KnownProducts, users: KnownUsers) -> dict[str, Recommender]:
        possible = [name for name in self.sources if products.vectors is not None or not _needs_vectors(name)]
        sources = self._new(possible)
        for source in sources.values():
            source.products, source.users = products, users
            source._fit()
        return sources

    def _new(self, names: Iterable[str]) -> dict[str, Recommender]:
        from product_matching.recommendation.models import build_recommender

        return {name: build_recommender(name, **self.source_options.get(name, {})) for name in names}

    def _share(self) -> None:
        for source in self._sources.values():
            source.products, source.users = self.products, self.users

    def _state(self) -> dict[str, np.ndarray]:
        state = {"names": np.array(list(self._sources))}
        state |= {f"ranker/{key}": array for key, array in self._ranker.to_arrays().items()}
        for name, source in self._sources.items():
            state |= {f"sources/{name}/{key}": array for key, array in source._state().items()}
        return state

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self._ranker = Ranker.from_arrays(under("ranker/", state))
        self._sources = self._new(state["names"].tolist())
        self._share()
        for name, source in self._sources.items():
            source._restore(under(f"sources/{name}/", state))


def _needs_vectors(name: str) -> bool:
    from product_matching.recommendation.models import model_class

    return model_class(name).needs_vectors
