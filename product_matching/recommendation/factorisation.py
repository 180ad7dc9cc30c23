"""Matrix factorisation through the library `implicit`: ALS and BPR."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from product_matching._optional import require
from product_matching.recommendation.fold_in import fold_in_by_ranking
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.recommender import Recommender
from product_matching.recommendation.vectors import cosine


@dataclass(eq=False)
class ALS(Recommender):
    """Alternating least squares on confidences (Hu, Koren and Volinsky, 2008).

    Each factor of a user is the exact solution for their history given the factors of the products, so known users,
    new ones and new events are treated alike, and nothing has to be learnt anew.

    Args:
        factors: Width of the factors.
        regularization: λ.
        alpha: Confidence of an event of weight w: alpha · w, against 1 for no event.
        iterations: Rounds of alternation.
        seed: Of the first factors.
        threads: 0: all cores. The result does not depend on it.
    """

    factors: int = 64
    regularization: float = 0.01
    alpha: float = 1.0
    iterations: int = 15
    seed: int = 0
    threads: int = 0

    def _fit(self) -> None:
        with _one_blas_thread():
            self._model = self._new()
            self._model.fit(self.users.histories.matrix(len(self.products)), show_progress=False)

    def _score(self, histories: Histories) -> np.ndarray:
        return self.user_factors(histories) @ self._model.item_factors.T

    def user_factors(self, histories: Histories) -> np.ndarray:
        """The factors of users with these histories: float32 [B, factors]."""
        with _one_blas_thread():
            return self._model.recalculate_user(np.arange(len(histories)), histories.matrix(self.placed))

    def _similar(self, positions: np.ndarray) -> np.ndarray:
        items = self._model.item_factors
        return cosine(items[positions], items)

    @property
    def placed(self) -> int:
        return len(self._model.item_factors)

    def _state(self) -> dict[str, np.ndarray]:
        return {"items": self._model.item_factors}

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        with _one_blas_thread():
            self._model = self._new()
        self._model.item_factors = state["items"]

    def _new(self) -> Any:
        options = {"factors": self.factors, "regularization": self.regularization, "alpha": self.alpha}
        options |= {"iterations": self.iterations, "random_state": self.seed, "num_threads": self.threads}
        return require("implicit.cpu.als", "recommend").AlternatingLeastSquares(**options)


@dataclass(eq=False)
class BPR(Recommender):
    """Bayesian personalised ranking (Rendle et al., 2009).

    Users that have not changed since the fit keep the factors that were learnt; others are folded in: the factors
    of the products stay, those of the user follow from the history (`fold_in_by_ranking`).

    Args:
        factors: Width of the factors, beside a bias a product.
        learning_rate, regularization, iterations: Of stochastic gradient descent.
        seed: Of the first factors and of the sampled pairs.
        threads: 1 gives the same model every time; more are faster and race.
    """

    factors: int = 64
    learning_rate: float = 0.05
    regularization: float = 0.01
    iterations: int = 100
    seed: int = 0
    threads: int = 1
    learnt: ClassVar[tuple[str, ...]] = ("_users", "_items")

    def _fit(self) -> None:
        options = {"factors": self.factors, "regularization": self.regularization, "num_threads": self.threads}
        options |= {"learning_rate": self.learning_rate, "iterations": self.iterations, "random_state": self.seed}
        model = require("implicit.cpu.bpr", "recommend").BayesianPersonalizedRanking(**options)
        matrix = self.users.histories.matrix(len(self.products))
        with _one_blas_thread():
            model.fit(matrix, show_progress=False)
        self._users, self._items = model.user_factors, model.item_factors

    def _score(self, histories: Histories) -> np.ndarray:
        factors = self._users[histories.users]
        new = histories.users < 0
        if new.any():
            kept = histories.take(np.flatnonzero(new))
            factors[new] = fold_in_by_ranking(self._items, kept, regularization=self.regularization)
        return factors @ self._items.T

    def _similar(self, positions: np.ndarray) -> np.ndarray:
        vectors = self._items[:, :-1]  # the last number is the bias
        return cosine(vectors[positions], vectors)

    @property
    def placed(self) -> int:
        return len(self._items)


def _one_blas_thread() -> AbstractContextManager[Any]:
    """What `implicit` asks for: its own threads and those of the BLAS get into each other's way."""
    return require("threadpoolctl", "recommend").threadpool_limits(1, "blas")
