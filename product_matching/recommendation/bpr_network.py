"""Training of multimodal matrix factorisation."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from product_matching._types import Tensor
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.vectors import as_array


def fit_bpr(
    histories: Histories,
    vectors: np.ndarray,
    *,
    factors: int,
    regularization: float,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Learns from triples (user, taken product, product drawn at random).

    Args:
        histories: Of U users.
        vectors: float32 [N, D].

    Returns:
        float32: users [U, factors]; products [N, factors + 1], their bias last; and [D, factors + 1], which projects
        a vector to the same.
    """
    network = BPRNetwork(len(histories), vectors, factors=factors, regularization=regularization, seed=seed)
    network.compile(keras.optimizers.Adam(learning_rate), jit_compile=False)
    triples = _Triples(histories, len(vectors), batch_size=batch_size, seed=seed)
    network.fit(triples, epochs=epochs, verbose=0, shuffle=False)
    return tuple(as_array(weight) for weight in (network.users, network.own, network.projection))


class BPRNetwork(keras.Model):
    """The factors of `VisualBPR`, and its loss over triples."""

    def __init__(self, users: int, vectors: np.ndarray, *, factors: int, regularization: float, seed: int) -> None:
        super().__init__()
        self.regularization = regularization
        self.vectors = ops.convert_to_tensor(vectors)
        shapes = {"users": (users, factors), "own": (len(vectors), factors + 1)}
        shapes |= {"projection": (vectors.shape[1], factors + 1)}
        for place, (name, shape) in enumerate(shapes.items()):
            initializer = keras.initializers.RandomNormal(stddev=0.05, seed=10 * seed + place)
            setattr(self, name, self.add_weight(name=name, shape=shape, initializer=initializer))
        self.built = True

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> tuple[Tensor, Tensor]:
        """Difference of the scores [B], and the mean square of what was used."""
        users = ops.take(self.users, inputs["user"], axis=0)
        items = [self._items(inputs[name]) for name in ("liked", "other")]
        gap = items[0] - items[1]
        own = [ops.take(self.own, inputs[name], axis=0) for name in ("liked", "other")]
        squares = sum(ops.mean(ops.sum(ops.square(x), axis=-1)) for x in (users, *own))
        return ops.sum(users * gap[:, :-1], axis=-1) + gap[:, -1], squares

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **kwargs: Any
    ) -> Tensor:
        """-log σ of the difference, and the penalty."""
        difference, squares = y_pred
        return ops.mean(ops.softplus(-difference)) + self.regularization * squares

    def _items(self, places: Tensor) -> Tensor:
        vectors = ops.take(self.vectors, places, axis=0)
        return ops.take(self.own, places, axis=0) + ops.matmul(vectors, self.projection)


class _Triples(keras.utils.PyDataset):
    def __init__(self, histories: Histories, products: int, *, batch_size: int, seed: int) -> None:
        super().__init__()
        self.user, self.liked, self.products = histories.rows, histories.products, products
        self.batch_size, self.random = min(batch_size, len(histories.products)), np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.user) // self.batch_size

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        columns = {"user": self.user[chosen], "liked": self.liked[chosen], "other": self.other[chosen]}
        return {name: column.astype(np.int32) for name, column in columns.items()}, np.zeros(len(chosen), np.float32)

    def on_epoch_end(self) -> None:
        self.order = self.random.permutation(len(self.user))
        self.other = self.random.integers(self.products, size=len(self.user))
        # A draw that the user took is drawn once more; the few that are left do little harm.
        keys = np.sort(self.user * self.products + self.liked)
        drawn = self.user * self.products + self.other
        taken = keys[np.minimum(np.searchsorted(keys, drawn), len(keys) - 1)] == drawn
        self.other[taken] = self.random.integers(self.products, size=int(taken.sum()))
