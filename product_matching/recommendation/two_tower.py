"""Two towers: a user, read from what they took, and a product, read from its vector, meet in one space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from product_matching._vectors import unit
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.recommender import Recommender
from product_matching.recommendation.vectors import as_array, cosine


@dataclass(eq=False)
class TwoTower(Recommender):
    """score(u, j) = cosine of the tower of the user's latest products and the tower of the product, -1 to 1.

    The product tower reads R_j of the ProductModel and an embedding of the product's own that is dropped at random, so
    that products without events are placed by their vectors. Trained with the softmax over the products of a batch,
    corrected for how often each stands there (Yi et al., 2019). The vectors of users and products can be served by any
    vector index.

    Args:
        dim: Of the common space.
        hidden_dim: Of the towers.
        max_length: Latest events that are read.
        decay: Weight of an event, decay^(steps back).
        dropout: Share of products whose own embedding is hidden in training.
        temperature: τ of the softmax, above 0.
        epochs, batch_size, learning_rate: Of the training with Adam.
        seed: Of weights, order and dropout.
    """

    dim: int = 64
    hidden_dim: int = 128
    max_length: int = 20
    decay: float = 0.7
    dropout: float = 0.2
    temperature: float = 0.1
    epochs: int = 15
    batch_size: int = 1024
    learning_rate: float = 2e-3
    seed: int = 0
    needs_vectors: ClassVar[bool] = True
    learnt: ClassVar[tuple[str, ...]] = ("_taken",)

    def _fit(self) -> None:
        from product_matching.recommendation.tower_network import fit_towers

        self._taken = np.bincount(self.users.histories.products, minlength=len(self.products)) > 0
        self._network = self._new()
        options = {"epochs": self.epochs, "batch_size": self.batch_size, "learning_rate": self.learning_rate}
        fit_towers(self._network, self.users.histories, max_length=self.max_length, seed=self.seed, **options)

    def _score(self, histories: Histories) -> np.ndarray:
        return self.user_vectors(histories) @ self.product_vectors().T

    def product_vectors(self) -> np.ndarray:
        """Of all products: float32 [N, dim], of length 1."""
        own = as_array(self._network.own)[1:]
        own[~self._taken] = 0
        own = np.pad(own, ((0, len(self.products) - len(own)), (0, 0)))
        return as_array(self._network.place_products(own, unit(self.products.vectors)))

    def user_vectors(self, histories: Histories) -> np.ndarray:
        """Of users: float32 [B, dim], of length 1."""
        table = np.pad(self.product_vectors(), ((1, 0), (0, 0)))
        tokens = histories.padded(self.max_length)
        return as_array(self._network.place_users(table, tokens))

    def _similar(self, positions: np.ndarray) -> np.ndarray:
        vectors = self.product_vectors()
        return cosine(vectors[positions], vectors)

    def _new(self) -> Any:
        from product_matching.recommendation.tower_network import TowerNetwork

        names = ("dim", "hidden_dim", "decay", "dropout", "temperature", "seed")
        vectors = unit(self.products.vectors)[: len(self._taken)]
        return TowerNetwork(vectors, **{name: getattr(self, name) for name in names})

    def _state(self) -> dict[str, np.ndarray]:
        weights = {f"weights/{place}": as_array(weight) for place, weight in enumerate(self._network.weights)}
        return {**super()._state(), **weights}

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        super()._restore(state)
        self._network = self._new()
        self._network.set_weights([state[f"weights/{place}"] for place in range(len(self._network.weights))])
