"""Sequential recommendation: a transformer reads what a user took, in order, and points at what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from product_matching._vectors import unit
from product_matching.errors import ConfigError, DataError, unknown_name
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.recommender import Recommender
from product_matching.recommendation.vectors import as_array, cosine

LOSSES = ("softmax", "binary")


@dataclass(eq=False)
class Sequential(Recommender):
    """SASRec (Kang and McAuley, 2018) trained with a softmax over products instead of one negative a target.

    score(u, j) = h_u · e_j with h_u the last hidden state, e_j as in `SequenceNetwork`. A product that was never
    taken, or came by `update`, has its projected vector only, so it can be recommended where there are vectors.

    Args:
        dim, layers, heads, dropout: Of the transformer.
        max_length: Latest events that are read.
        epochs, batch_size, learning_rate: Of the training with Adam; a batch holds so many rows of `max_length` events.
        negatives: Products drawn per batch for a sampled softmax, for large catalogues; 0: all products.
        label_smoothing: Share of the target's probability that is spread over all products.
        loss: `"softmax"`, or `"binary"`: each target against one negative, as published; `negatives` says nothing then.
        use_vectors: Read product vectors where there are any.
        seed: Of weights, order, dropout and negatives.
    """

    dim: int = 64
    layers: int = 2
    heads: int = 2
    dropout: float = 0.4
    max_length: int = 50
    epochs: int = 30
    batch_size: int = 24
    learning_rate: float = 1e-3
    negatives: int = 0
    label_smoothing: float = 0.0
    loss: str = "softmax"
    use_vectors: bool = True
    seed: int = 0
    callbacks: ClassVar[Sequence[Any]] = ()  # Keras callbacks of the training, set on an instance
    learnt: ClassVar[tuple[str, ...]] = ("_untrained", "_reads_vectors")

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ConfigError(f"dim ({self.dim}) must be a multiple of heads ({self.heads}).")
        if self.loss not in LOSSES:
            raise ConfigError(unknown_name("loss", self.loss, LOSSES))

    def _fit(self) -> None:
        import keras

        from product_matching.recommendation.packing import PackedRows

        if self.users.histories.lengths.max(initial=0) < 2:
            raise DataError("No user has two events: there is no order to learn from.")
        self._reads_vectors = np.array(self.use_vectors and self.products.vectors is not None)
        self._untrained = np.bincount(self.users.histories.products, minlength=len(self.products)) == 0
        self._network = self._new(len(self.products))
        rows = PackedRows(self.users.histories, length=self.max_length, batch_size=self.batch_size, seed=self.seed)
        self._network.compile(keras.optimizers.Adam(self.learning_rate, clipnorm=5.0), jit_compile=False)
        self._network.fit(rows, epochs=self.epochs, verbose=0, shuffle=False, callbacks=list(self.callbacks))

    def _score(self, histories: Histories) -> np.ndarray:
        return self._states(histories) @ self._items().T

    def _similar(self, positions: np.ndarray) -> np.ndarray:
        items = self._items()
        return cosine(items[positions], items)

    @property
    def placed(self) -> int:
        return len(self.products) if self._reads_vectors else len(self._untrained)

    def _items(self) -> np.ndarray:
        """The e of each product that can be placed: float32 [placed, dim]."""
        ids = as_array(self._network.items.embeddings)[1:]
        ids[self._untrained] = 0  # what no event has moved is noise
        ids = np.pad(ids, ((0, self.placed - len(ids)), (0, 0)))
        if not self._reads_vectors:
            return ids
        return ids + unit(self.products.vectors) @ as_array(self._network.project.kernel)

    def _states(self, histories: Histories) -> np.ndarray:
        """Last hidden states: float32 [B, dim]; what stands at an empty history means nothing."""
        longest = max(1, min(self.max_length, int(histories.lengths.max(initial=0))))
        tokens = histories.padded(longest)
        # Products that came after the fit are read by their vectors, which the table of the network does not hold.
        table = np.pad(self._items(), ((1, 0), (0, 0)))
        places = np.broadcast_to(np.arange(longest, dtype=np.int32), tokens.shape)
        hidden = as_array(self._network.read(table, tokens, places))
        last = np.clip(np.minimum(histories.lengths, longest) - 1, 0, None)
        return hidden[np.arange(len(tokens)), last]

    def _new(self, products: int) -> Any:
        from product_matching.recommendation.sequence_network import SequenceNetwork

        vectors = unit(self.products.vectors)[:products] if self._reads_vectors else None
        names = ("dim", "layers", "heads", "max_length", "dropout", "negatives", "label_smoothing", "loss", "seed")
        return SequenceNetwork(products, vectors, **{name: getattr(self, name) for name in names})

    def _state(self) -> dict[str, np.ndarray]:
        weights = {f"weights/{place}": as_array(weight) for place, weight in enumerate(self._network.weights)}
        return {**super()._state(), **weights}

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        super()._restore(state)
        self._network = self._new(len(self._untrained))
        self._network.set_weights([state[f"weights/{place}"] for place in range(len(self._network.weights))])
