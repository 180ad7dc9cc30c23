"""Multimodal matrix factorisation: learnt factors plus projected product vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from product_matching._vectors import unit
from product_matching.recommendation.fold_in import fold_in_by_ranking
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.recommender import Recommender
from product_matching.recommendation.vectors import cosine


@dataclass(eq=False)
class VisualBPR(Recommender):
    """VBPR (He and McAuley, 2016) over R_i, which holds the picture, the text and the tags.

    score(u, j) = p_u · (q_j + E v_j) + b_j + β · v_j, trained so that what was taken scores above what was not. A
    product that was never taken has q_j = b_j = 0, so that its vector alone places it. Users that changed since the
    fit are folded in as by `BPR`.

    Args:
        factors: Width of p and q.
        epochs, batch_size, learning_rate: Of the training with Adam.
        regularization: λ of the squared factors of each sampled triple.
        seed: Of weights, order and negatives.
    """

    factors: int = 64
    epochs: int = 30
    batch_size: int = 4096
    learning_rate: float = 5e-3
    regularization: float = 1e-2
    seed: int = 0
    needs_vectors: ClassVar[bool] = True
    learnt: ClassVar[tuple[str, ...]] = ("_users", "_own", "_projection")

    def _fit(self) -> None:
        from product_matching.recommendation.bpr_network import fit_bpr

        histories, vectors = self.users.histories, unit(self.products.vectors)
        options = {"factors": self.factors, "regularization": self.regularization, "seed": self.seed}
        options |= {"epochs": self.epochs, "batch_size": self.batch_size, "learning_rate": self.learning_rate}
        self._users, own, self._projection = fit_bpr(histories, vectors, **options)
        taken = np.bincount(histories.products, minlength=len(self.products)) > 0
        self._own = np.where(taken[:, None], own, 0).astype(np.float32)

    def _items(self) -> np.ndarray:
        """Factors and bias of each product: float32 [N, factors + 1]."""
        projected = unit(self.products.vectors) @ self._projection
        projected[: len(self._own)] += self._own
        return projected

    def _score(self, histories: Histories) -> np.ndarray:
        items = self._items()
        users = np.column_stack([self._users, np.ones(len(self._users), np.float32)])[histories.users]
        new = histories.users < 0
        if new.any():
            kept = histories.take(np.flatnonzero(new))
            users[new] = fold_in_by_ranking(items, kept, regularization=self.regularization)
        return users @ items.T

    def _similar(self, positions: np.ndarray) -> np.ndarray:
        items = self._items()[:, :-1]
        return cosine(items[positions], items)
