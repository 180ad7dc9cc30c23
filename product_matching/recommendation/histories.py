"""Histories of many users in compressed rows, and what models make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from product_matching._optional import require


@dataclass(frozen=True)
class Histories:
    """What B users took, oldest first.

    Attributes:
        products: int64 [M], positions of products.
        weights: float32 [M].
        times: float64 [M].
        offsets: int64 [B + 1]; user b has `products[offsets[b]:offsets[b + 1]]`.
        users: int64 [B], places of users whose history is still the one that the model was fitted on; -1: others.
    """

    products: np.ndarray
    weights: np.ndarray
    times: np.ndarray
    offsets: np.ndarray
    users: np.ndarray

    def __len__(self) -> int:
        return len(self.users)

    @property
    def lengths(self) -> np.ndarray:
        """int64 [B]: events of each user."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> np.ndarray:
        """int64 [M]: the user of each event."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def steps_back(self) -> np.ndarray:
        """int64 [M]: 0 for the latest event of its user, 1 for the one before, …"""
        return np.repeat(self.offsets[1:], self.lengths) - 1 - np.arange(len(self.products))

    def take(self, rows: np.ndarray) -> Histories:
        """The histories of these users, in this order; the row -1 is an empty history."""
        starts = self.offsets[rows]
        lengths = np.where(rows < 0, 0, self.offsets[rows + 1] - starts)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        events = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - starts, lengths)
        columns = (self.products[events], self.weights[events], self.times[events])
        return Histories(*columns, offsets, np.where(rows < 0, -1, self.users[rows]))

    def last(self, count: int) -> Histories:
        """The last `count` events of each."""
        kept = self.steps_back < count
        offsets = np.concatenate([[0], np.cumsum(np.minimum(self.lengths, count))])
        return Histories(self.products[kept], self.weights[kept], self.times[kept], offsets, self.users)

    def below(self, count: int) -> Histories:
        """Without events of products at position `count` or behind."""
        kept = self.products < count
        if kept.all():
            return self
        offsets = np.concatenate([[0], np.cumsum(kept)])[self.offsets]
        return Histories(self.products[kept], self.weights[kept], self.times[kept], offsets, self.users)

    def matrix(self, products: int, values: np.ndarray | None = None) -> Any:
        """A scipy CSR matrix float32 [B, products]: the weights, or `values` [M], summed where a product repeats."""
        sparse = require("scipy.sparse", "recommend")
        values = (self.weights if values is None else values).astype(np.float32)  # a copy: sums are made in place
        matrix = sparse.csr_matrix((values, self.products.copy(), self.offsets.copy()), shape=(len(self), products))
        matrix.sum_duplicates()
        return matrix

    def padded(self, length: int, *, shift: int = 1) -> np.ndarray:
        """The last `length` products of each, left-aligned: int32 [B, length], position + `shift`, 0 where none."""
        recent = self.last(length)
        table = np.zeros((len(self), length), dtype=np.int32)
        columns = np.arange(len(recent.products)) - np.repeat(recent.offsets[:-1], recent.lengths)
        table[recent.rows, columns] = recent.products + shift
        return table

    @classmethod
    def from_lists(cls, lists: Sequence[Sequence[int]]) -> Histories:
        """Histories of users that no model knows."""
        lengths = [len(items) for items in lists]
        flat = np.array([item for items in lists for item in items], dtype=np.int64)
        times = np.concatenate([np.arange(length, dtype=np.float64) for length in lengths] or [np.zeros(0)])
        offsets = np.cumsum([0, *lengths], dtype=np.int64)
        return cls(flat, np.ones(len(flat), np.float32), times, offsets, np.full(len(lists), -1))
