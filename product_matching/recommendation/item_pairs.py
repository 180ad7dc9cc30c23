"""How often two products were taken by one user, a range of products at a time, so that memory stays bounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from product_matching._optional import require
from product_matching.recommendation.histories import Histories

LEAST = 1e-4  # a gap whose pairs count less is not looked at


class PlainPairs:
    """Counts without regard to order.

    Args:
        histories: Of U users, M events.
        damping: float64 [U], what a pair of each user counts.
        count: Products, N.
    """

    def __init__(self, histories: Histories, damping: np.ndarray, count: int) -> None:
        self.users = histories.matrix(count, histories.weights * np.sqrt(damping)[histories.rows])
        self.products = self.users.T.tocsr()

    def of(self, rows: slice) -> Any:
        """Counts of these products with all: scipy CSR float32 [rows, N]."""
        return self.products[rows] @ self.users


class OrderedPairs:
    """Counts a pair by how many events lie between and which came first.

    Args:
        histories, damping, count: As of `PlainPairs`.
        gap_decay, backward, window: As of `ItemKNN`.
    """

    def __init__(
        self, histories: Histories, damping: np.ndarray, count: int, gap_decay: float, backward: float, window: int
    ) -> None:
        self.histories, self.damping, self.count = histories, damping, count
        self.gap_decay, self.backward = gap_decay, backward
        longest = int(histories.lengths.max(initial=0)) - 1
        self.window = min(longest, window or longest)
        self.rows = histories.rows
        self.order = np.argsort(histories.products, kind="stable")
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(histories.products, minlength=count))])

    def of(self, rows: slice) -> Any:
        """Counts of these products with all: scipy CSR float32 [rows, N]."""
        sparse = require("scipy.sparse", "recommend")
        events = self.order[self.starts[rows.start] : self.starts[rows.stop]]
        shape = (rows.stop - rows.start, self.count)
        total = sparse.csr_matrix(shape, dtype=np.float32)
        for gap in range(1, self.window + 1):
            value = self.gap_decay ** (gap - 1)
            if value < LEAST:
                break
            for step, share in ((gap, 1.0), (-gap, self.backward)):
                total = total + sparse.csr_matrix(self._at(events, step, value * share, rows.start), shape=shape)
        return total

    def _at(self, events: np.ndarray, step: int, value: float, first: int) -> tuple[np.ndarray, Any]:
        """Weights of the pairs of these events with those so many steps later, and the products of both."""
        there = (events + step >= 0) & (events + step < len(self.rows))
        one = events[there]
        one = one[self.rows[one] == self.rows[one + step]]
        other = one + step
        weights = self.histories.weights
        counted = value * self.damping[self.rows[one]] * np.sqrt(weights[one] * weights[other])
        products = self.histories.products
        return counted.astype(np.float32), (products[one] - first, products[other])
