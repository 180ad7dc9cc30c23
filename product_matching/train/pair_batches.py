"""Batches of serialised pairs for the cross-encoder: alike in length, varied at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from product_matching._types import FloatArray
from product_matching.model.reranker import PairTokenizer

RUN = 16
"""So many batches are drawn at random, then ordered by length: little padding, and still another mixture each epoch."""


class PairBatches(keras.utils.PyDataset):
    """Pieces of pairs, packed batch by batch; sides are swapped and pieces left out at random, anew each epoch.

    Args:
        tokenizer: Packs.
        left, right: Token ids of each side.
        verdicts: float32 [N], logits of the comparisons.
        labels: int [N].
        batch_size: Pairs a batch.
        seed: Of the order and the variations.
        swap: Probability that left and right change places.
        drop: Probability that a piece is left out.
    """

    def __init__(
        self,
        tokenizer: PairTokenizer,
        left: Sequence[list[int]],
        right: Sequence[list[int]],
        verdicts: FloatArray,
        labels: np.ndarray,
        batch_size: int = 32,
        seed: int = 0,
        *,
        swap: float = 0.5,
        drop: float = 0.05,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tokenizer, self.left, self.right = tokenizer, left, right
        self.verdicts, self.labels = verdicts, labels.astype(np.float32)
        self.batch_size, self.swap, self.drop = batch_size, swap, drop
        self._rng = np.random.default_rng(seed)
        self._lengths = np.array([len(a) + len(b) for a, b in zip(left, right, strict=True)])
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)

    def on_epoch_end(self) -> None:
        """Draws the batches of the next epoch."""
        order, width = self._rng.permutation(len(self.labels)), RUN * self.batch_size
        runs = [order[start : start + width] for start in range(0, len(order), width)]
        order = np.concatenate([run[np.argsort(self._lengths[run], kind="stable")] for run in runs])
        starts = self._rng.permutation(len(self)) * self.batch_size
        self._batches = [order[start : start + self.batch_size] for start in starts]

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Inputs of `PairReader`, labels float32 [B]."""
        rows = self._batches[index]
        sides = [self._vary(self.left[row], self.right[row]) for row in rows]
        packed = self.tokenizer.pack(*zip(*sides, strict=True))
        return {**packed, "verdict": self.verdicts[rows]}, self.labels[rows]

    def _vary(self, left: list[int], right: list[int]) -> tuple[list[int], list[int]]:
        sides = [[piece for piece in side if self._rng.random() >= self.drop] for side in (left, right)]
        return tuple(sides[::-1] if self._rng.random() < self.swap else sides)
