"""The hybrid: candidates from several recommenders, ordered by a ranker that learnt from what users took next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np

from product_matching.errors import ConfigError, DataError, unknown_name
from product_matching.recommendation.blend import Blend, columns_at, columns_of, draw_pairs, fit_blend, tables_of
from product_matching.recommendation.candidates import Candidates, collect
from product_matching.recommendation.features import ProductFeatures
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.holdout import Holdout, hold_out, last_events, last_period
from product_matching.recommendation.interactions import Interactions
from product_matching.recommendation.known import KnownProducts, KnownUsers
from product_matching.recommendation.ranker import Ranker, fit_ranker
from product_matching.recommendation.recommender import Recommender
from product_matching.recommendation.storage import under

USERS_AT_A_TIME = 128
SOURCE_OPTIONS: dict[str, dict[str, Any]] = {
    "content:long": {"profile": "mean"},
    "content:near": {"profile": "attentive", "sharpness": 30.0},
    "popularity:long": {"half_life": 90 * 86_400.0},
}
"""Of sources that stand for what another of their kind does not tell: all of a history, likeness to one purchase alone,
what has been popular for long."""
HOLDOUTS = ("last", "period")


@dataclass(eq=False)
class Hybrid(Recommender):
    """score(u, j) = the calibrated probability that u takes j next, for candidates; below 0 for all others.

    Fitting sets late events aside, fits the sources on the rest, learns from what the users took next, and then fits
    the sources again on everything. Two stages learn: a weighted sum of what the sources say of every product (`Blend`)
    yields candidates beside the sources' own, and trees reorder the candidates, starting from that sum. The trees see
    the scores and ranks of all sources, popularity, recency, price, the user's habit of price and the length of the
    history. What was seen is never a candidate. Sources that need vectors are left out where there are none. A user
    without a history gets the source `popularity`, if it is one.

    Args:
        sources: Names of recommenders (see `models.MODELS`); the first tells what is similar. A label behind a colon
            tells two of a kind apart; `SOURCE_OPTIONS` are the options of some of these.
        source_options: Options of sources by name.
        candidates: Of each source.
        training_users: Users that the ranker learns from at most, drawn at random.
        holdout: `last`: the last event of each user, or up to a fifth of them where users are few. `period`: the latest
            events of all, which suits a shop whose products come and go and whose timestamps all tell the same time:
            products that are new then teach what to believe of new ones.
        period: Share of the events that `period` sets aside.
        cold_share: Share of the products that `last` takes all events from, so that they are learnt from as new ones.
        rounds, learning_rate, leaves: Of the trees.
        seed: Of draws and trees.
        threads: Of LightGBM; 0: all cores.
    """

    sources: tuple[str, ...] = (
        *("item-knn", "als", "content", "content:long", "content:near", "popularity", "popularity:long"),
    )
    source_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    candidates: int = 100
    training_users: int = 5_000
    holdout: Literal["last", "period"] = "last"
    period: float = 0.1
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
        if self.holdout not in HOLDOUTS:
            raise ConfigError(unknown_name("holdout", self.holdout, HOLDOUTS))

    def _fit(self) -> None:
        held = self._hold_out()
        self._sources = self._fitted(held.products, held.users)
        self._blend = self._learn_blend(held)
        rows, labels = [], []
        for start, histories in _parts(held):
            found, _ = collect(self._sources, self._blend, histories, held.products, each=self.candidates)
            rows.append((found.features, found.rows + start, histories.lengths[found.rows]))
            labels.append(np.isin((found.rows + start) * len(held.products) + found.products, held.taken))
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
            found, rest = collect(self._sources, self._blend, part, self.products, each=self.candidates)
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

    @property
    def parts(self) -> dict[str, Recommender]:
        return self._sources

    def _probability(self, found: Candidates, histories: Histories) -> np.ndarray:
        return self._ranker.probability(found.features, histories.lengths[found.rows])

    def _popularity(self) -> np.ndarray:
        source = self._sources.get("popularity")
        return super()._popularity() if source is None else source._popularity()

    def _hold_out(self) -> Holdout:
        histories, forgotten = self.users.histories, np.zeros(len(self.products), dtype=bool)
        if self.holdout == "period":
            later = last_period(histories, share=self.period)
        else:
            later = last_events(histories, wanted=self.training_users)
            forgotten = np.random.default_rng([self.seed, 1]).random(len(self.products)) < self.cold_share
        return hold_out(self.products, self.users, later, forgotten, most=self.training_users, seed=self.seed)

    def _learn_blend(self, held: Holdout) -> Blend:
        count, random = len(held.products), np.random.default_rng([self.seed, 2])
        own = columns_of(held.products, held.users.histories)
        before = held.users.histories.take(held.chosen)
        barred = before.rows * count + before.products
        pairs, taken = draw_pairs(held.taken, barred, count, random)
        columns, labels = [], []
        for start, histories in _parts(held):
            inside = (pairs // count >= start) & (pairs // count < start + len(histories))
            rows, places = np.divmod(pairs[inside] - start * count, count)
            columns.append(columns_at(list(tables_of(self._sources, histories).values()), own, rows, places))
            labels.append(taken[inside])
        return fit_blend(np.concatenate(columns), np.concatenate(labels))

    def _fitted(self, products: KnownProducts, users: KnownUsers) -> dict[str, Recommender]:
        possible = [name for name in self.sources if products.vectors is not None or not _needs_vectors(name)]
        sources = self._new(possible)
        for source in sources.values():
            source.products, source.users = products, users
            source._fit()
        return sources

    def _new(self, names: Iterable[str]) -> dict[str, Recommender]:
        from product_matching.recommendation.models import build_recommender

        options = {name: SOURCE_OPTIONS.get(name, {}) | self.source_options.get(name, {}) for name in names}
        return {name: build_recommender(_kind(name), **options[name]) for name in names}

    def _share(self) -> None:
        for source in self._sources.values():
            source.products, source.users = self.products, self.users

    def _state(self) -> dict[str, np.ndarray]:
        state = {"names": np.array(list(self._sources)), "blend": self._blend.weights}
        state |= {f"ranker/{key}": array for key, array in self._ranker.to_arrays().items()}
        for name, source in self._sources.items():
            state |= {f"sources/{name}/{key}": array for key, array in source._state().items()}
        return state

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self._blend = Blend(state["blend"])
        self._ranker = Ranker.from_arrays(under("ranker/", state))
        self._sources = self._new(state["names"].tolist())
        self._share()
        for name, source in self._sources.items():
            source._restore(under(f"sources/{name}/", state))


def _parts(held: Holdout) -> Iterator[tuple[int, Histories]]:
    """First place and histories of the users who are learnt from, some at a time."""
    for start in range(0, len(held.chosen), USERS_AT_A_TIME):
        yield start, held.users.histories.take(held.chosen[start : start + USERS_AT_A_TIME])


def _needs_vectors(name: str) -> bool:
    from product_matching.recommendation.models import model_class

    return model_class(_kind(name)).needs_vectors


def _kind(name: str) -> str:
    return name.partition(":")[0]
