"""The network of the sequential recommender: a causal transformer over products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import keras
import numpy as np
from keras import ops

from product_matching._types import Tensor


class SequenceNetwork(keras.Model):
    """Turns the products of users, in order, into a vector a place that points at what comes next.

    A product is e_i = E_i + P v_i: an embedding of its own and the projection of its vector, if there is one. Inputs
    may hold several users in one row (`packed_rows`): a place sees only earlier places of its own user.

    Args:
        products: N; the products are numbered from 1, 0 is padding.
        vectors: float32 [N, D] or None.
        dim, layers, heads: Of the transformer.
        max_length: Longest sequence.
        dropout: Of embeddings, attention outputs and hidden layers.
        negatives: Products drawn per batch for a sampled softmax; 0: the softmax runs over all products.
        label_smoothing: Share of the target's probability that is spread over all products (full softmax only).
        loss: `"softmax"`, or `"binary"`: each target against one product drawn at random, as SASRec was published.
        seed: Of weights, dropout and negatives.
    """

    def __init__(
        self,
        products: int,
        vectors: np.ndarray | None,
        *,
        dim: int,
        layers: int,
        heads: int,
        max_length: int,
        dropout: float,
        negatives: int = 0,
        label_smoothing: float = 0.0,
        loss: str = "softmax",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        seeds = count(1000 * seed)
        self.count, self.dim, self.negatives, self.label_smoothing = products, dim, negatives, label_smoothing
        self.asks_one = loss == "binary"
        self.items = keras.layers.Embedding(products + 1, dim, embeddings_initializer=_normal(seeds), name="items")
        self.places = keras.layers.Embedding(max_length, dim, embeddings_initializer=_normal(seeds), name="places")
        self.vectors = None if vectors is None else ops.convert_to_tensor(np.pad(vectors, ((1, 0), (0, 0))))
        self.project = None if vectors is None else _dense(dim, seeds, use_bias=False)
        self.vector_dropout = keras.layers.Dropout(dropout / 2, seed=next(seeds))
        self.dropout = keras.layers.Dropout(dropout, seed=next(seeds))
        self.blocks = [Block(dim, heads, dropout, seeds) for _ in range(layers)]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.draw = keras.random.SeedGenerator(next(seeds))
        self._build_all(max_length)

    def _build_all(self, max_length: int) -> None:
        self.items.build(())
        self.places.build(())
        if self.project is not None:
            self.project.build((None, self.vectors.shape[1]))
        self.dropout.build(())
        for block in self.blocks:
            block.build((None, max_length, self.dim))
        self.norm.build((None, max_length, self.dim))
        self.built = True

    def table(self, training: bool = False) -> Tensor:
        """The e of padding and of all products: float32 [N + 1, dim]."""
        if self.project is None:
            return self.items.embeddings + 0.0
        vectors = self.vector_dropout(self.vectors, training=training)
        return self.items.embeddings + self.project(vectors)

    def call(self, inputs: Mapping[str, Tensor], training: bool = False) -> tuple[Tensor, Tensor]:
        """Reads sequences.

        Args:
            inputs: int32 [B, L] each: `tokens`, `places` (from 0 within a user), `segments` (number of the user
                within the row).

        Returns:
            Hidden states float32 [B, L, dim], and the table [N + 1, dim] that they point into.
        """
        table = self.table(training)
        return self.read(table, inputs["tokens"], inputs["places"], inputs["segments"], training=training), table

    def read(
        self, table: Tensor, tokens: Tensor, places: Tensor, segments: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """Hidden states float32 [B, L, dim] of tokens int32 [B, L], rows of a table float32 [T, dim]."""
        hidden = ops.take(table, tokens, axis=0) * self.dim**0.5 + self.places(places)
        hidden = self.dropout(hidden, training=training)
        mask = ops.tril(ops.ones((tokens.shape[1], tokens.shape[1]), dtype="bool"))[None, None]
        if segments is not None:
            same = ops.equal(segments[:, :, None], segments[:, None, :])
            mask = ops.logical_and(mask, same[:, None])
        for block in self.blocks:
            hidden = block(hidden, mask, training=training)
        return self.norm(hidden)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """Cross-entropy of the next product, the mean over the places where there is one (y above 0)."""
        hidden, table = y_pred
        hidden, targets = ops.reshape(hidden, (-1, self.dim)), ops.reshape(y, (-1,))
        way = self._binary if self.asks_one else self._sampled if self.negatives else self._full
        losses = way(hidden, table, targets)
        known = ops.cast(targets > 0, "float32")
        return ops.sum(losses * known) / ops.maximum(ops.sum(known), 1.0)

    def _full(self, hidden: Tensor, table: Tensor, targets: Tensor) -> Tensor:
        logits = ops.matmul(hidden, ops.transpose(table[1:]))
        positive = ops.sum(hidden * ops.take(table, targets, axis=0), axis=-1)
        share = self.label_smoothing
        wanted = positive if not share else (1 - share) * positive + share * ops.mean(logits, axis=-1)
        return ops.logsumexp(logits, axis=-1) - wanted

    def _binary(self, hidden: Tensor, table: Tensor, targets: Tensor) -> Tensor:
        """-log σ(h · e) - log(1 - σ(h · e')) of the target e and one other e' (Kang and McAuley, 2018)."""
        drawn = keras.random.randint(ops.shape(targets), 1, self.count + 1, seed=self.draw)
        positive = ops.sum(hidden * ops.take(table, targets, axis=0), axis=-1)
        negative = ops.sum(hidden * ops.take(table, drawn, axis=0), axis=-1)
        another = ops.cast(ops.not_equal(drawn, targets), negative.dtype)
        return ops.softplus(-positive) + another * ops.softplus(negative)

    def _sampled(self, hidden: Tensor, table: Tensor, targets: Tensor) -> Tensor:
        drawn = keras.random.randint((self.negatives,), 1, self.count + 1, seed=self.draw)
        positive = ops.sum(hidden * ops.take(table, targets, axis=0), axis=-1)
        logits = ops.matmul(hidden, ops.transpose(ops.take(table, drawn, axis=0)))
        # Uniform negatives stand for all N products, so each counts N / n times: log(N / n) is added (Jean et al.,
        # 2015). A negative that is the target itself is masked.
        logits = logits + np.log(self.count / self.negatives).astype(np.float32)
        logits = ops.where(ops.equal(drawn[None], targets[:, None]), -1e9, logits)
        return ops.logaddexp(ops.logsumexp(logits, axis=-1), positive) - positive


class Block(keras.layers.Layer):
    """One layer of a pre-norm transformer (Xiong et al., 2020)."""

    def __init__(self, dim: int, heads: int, dropout: float, seeds: Iterator[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads
        self.query, self.key, self.value, self.out = (_dense(dim, seeds) for _ in range(4))
        self.up, self.down = _dense(4 * dim, seeds, activation="gelu"), _dense(dim, seeds)
        self.norms = [keras.layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.drops = [keras.layers.Dropout(dropout, seed=next(seeds)) for _ in range(3)]

    def build(self, shape: tuple[int | None, ...]) -> None:
        for layer in (self.query, self.key, self.value, self.out, self.up, *self.norms):
            layer.build(shape)
        self.down.build((*shape[:-1], 4 * shape[-1]))
        self.built = True

    def call(self, hidden: Tensor, mask: Tensor, training: bool = False) -> Tensor:
        """float32 [B, L, dim] and bool [B, 1, L, L], true where a place may look, to float32 [B, L, dim]."""
        normed = self.norms[0](hidden)
        query, key, value = (self._split(layer(normed)) for layer in (self.query, self.key, self.value))
        seen = ops.dot_product_attention(query, key, value, mask=mask)
        seen = self.out(ops.reshape(seen, ops.shape(hidden)))
        hidden = hidden + self.drops[0](seen, training=training)
        inner = self.drops[1](self.up(self.norms[1](hidden)), training=training)
        return hidden + self.drops[2](self.down(inner), training=training)

    def _split(self, x: Tensor) -> Tensor:
        batch, length, dim = ops.shape(x)
        return ops.reshape(x, (batch, length, self.heads, dim // self.heads))


def _dense(units: int, seeds: Iterator[int], **options: Any) -> keras.layers.Dense:
    return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(next(seeds)), **options)


def _normal(seeds: Iterator[int]) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.02, seed=next(seeds))
