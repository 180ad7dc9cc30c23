"""The network of the two-tower recommender, and its training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from product_matching._types import Tensor
from product_matching.errors import DataError
from product_matching.layers.unit import unit
from product_matching.recommendation.histories import Histories


class TowerNetwork(keras.Model):
    """Places products and users in one space.

    Args:
        vectors: float32 [N, D] of the products that are trained on.
        dim, hidden_dim, decay, dropout, temperature, seed: As of `TwoTower`.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        *,
        dim: int,
        hidden_dim: int,
        decay: float,
        dropout: float,
        temperature: float,
        seed: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.decay, self.temperature = decay, temperature
        self.vectors = ops.convert_to_tensor(np.pad(vectors, ((1, 0), (0, 0))))
        normal = keras.initializers.RandomNormal(stddev=0.05, seed=10 * seed)
        self.own = self.add_weight(name="own", shape=(len(vectors) + 1, dim), initializer=normal)
        self.hide = keras.layers.Dropout(dropout, noise_shape=(None, 1), seed=10 * seed + 1)
        self.product_tower = _tower(vectors.shape[1], hidden_dim, dim, seed=10 * seed + 2)
        self.user_tower = _tower(dim, hidden_dim, dim, seed=10 * seed + 4)
        self.built = True

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> tuple[Tensor, Tensor]:
        """Users and their next products: float32 [B, dim] each, of length 1."""
        own = self.hide(self.own, training=training)
        table = self.place_products(own, self.vectors)
        table = table * ops.cast(ops.arange(ops.shape(table)[0])[:, None] > 0, "float32")
        return self.place_users(table, inputs["history"]), ops.take(table, inputs["target"], axis=0)

    def place_products(self, own: Tensor, vectors: Tensor) -> Tensor:
        """Own embeddings [N, dim] and vectors [N, D] to float32 [N, dim] of length 1."""
        return unit(own + self.product_tower(vectors))

    def place_users(self, table: Tensor, tokens: Tensor) -> Tensor:
        """Tokens int32 [B, L], left-aligned, rows of a table [T, dim], 0 for none, to float32 [B, dim] of length 1."""
        there = ops.cast(tokens > 0, "float32")
        steps_back = ops.sum(there, axis=1, keepdims=True) - ops.cumsum(there, axis=1)
        weights = there * ops.power(self.decay, steps_back)
        mean = ops.sum(ops.take(table, tokens, axis=0) * weights[:, :, None], axis=1)
        mean = mean / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-6)
        return unit(mean + self.user_tower(mean))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **kwargs: Any
    ) -> Tensor:
        """Softmax over the products of the batch; y: log share of each target among all events, float32 [B]."""
        users, products = y_pred
        logits = ops.matmul(users, ops.transpose(products)) / self.temperature
        positive = ops.diagonal(logits)
        same = ops.equal(x["target"][:, None], x["target"][None, :])
        logits = ops.where(same, -1e9, logits - y[None, :])
        positive = positive - y
        return ops.mean(ops.logaddexp(ops.logsumexp(logits, axis=-1), positive) - positive)


def fit_towers(
    network: TowerNetwork,
    histories: Histories,
    *,
    max_length: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> None:
    """Trains on each event and what its user had taken before it.

    Raises:
        DataError: If no user has two events.
    """
    second = np.flatnonzero(histories.steps_back < (histories.lengths - 1)[histories.rows])
    if not len(second):
        raise DataError("No user has two events: there is nothing to foresee from anything.")
    shares = np.bincount(histories.products, minlength=int(network.own.shape[0]) - 1) / len(histories.products)
    batches = _Batches(histories, second, np.log(np.maximum(shares, 1e-12)), max_length=max_length)
    batches.start(min(batch_size, len(second)), seed)
    network.compile(keras.optimizers.Adam(learning_rate), jit_compile=False)
    network.fit(batches, epochs=epochs, verbose=0, shuffle=False)


class _Batches(keras.utils.PyDataset):
    def __init__(self, histories: Histories, events: np.ndarray, log_shares: np.ndarray, *, max_length: int) -> None:
        super().__init__()
        self.products, self.events, self.log_shares = histories.products, events, log_shares
        self.starts = histories.offsets[histories.rows[events]]
        self.back = np.arange(max_length)

    def start(self, batch_size: int, seed: int) -> None:
        self.batch_size, self.random = batch_size, np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.events) // self.batch_size

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        events = self.events[chosen]
        first = np.maximum(self.starts[chosen], events - len(self.back))
        places = first[:, None] + self.back
        inside = places < events[:, None]
        tokens = np.where(inside, self.products[np.minimum(places, events[:, None])] + 1, 0)
        target = self.products[events]
        inputs = {"history": tokens.astype(np.int32), "target": (target + 1).astype(np.int32)}
        return inputs, self.log_shares[target].astype(np.float32)

    def on_epoch_end(self) -> None:
        self.order = self.random.permutation(len(self.events))


def _tower(width: int, hidden_dim: int, dim: int, *, seed: int) -> keras.Sequential:
    first = keras.layers.Dense(hidden_dim, activation="gelu", kernel_initializer=keras.initializers.HeNormal(seed))
    last = keras.layers.Dense(dim, kernel_initializer=keras.initializers.GlorotUniform(seed + 1))
    tower = keras.Sequential([first, last])
    tower.build((None, width))
    return tower
