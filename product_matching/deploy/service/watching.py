"""How good the answers to live searches are."""

from __future__ import annotations

import asyncio

import numpy as np

from product_matching.deploy.service.metrics import Metrics
from product_matching.search import Page, ProductIndex, Query

EVERY = 100
"""One search of so many is done once more by exact search, after it was answered."""
K = 10


class Watch:
    """Observes searches for the operators' figures: best probability, searches without a match, recall of a sample."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics, self._searched = metrics, 0

    def observe(self, query: Query, page: Page, base: ProductIndex) -> None:
        """Takes in a search that was answered; `base` is the index whose recall is in question."""
        if page.nothing_matches:
            self._metrics.nothing.inc()
        best = page.results[0] if page.results else None
        if best is not None and best.rank == 1 and best.probability is not None:
            self._metrics.best.observe(best.probability)
        self._searched += 1
        if self._searched % EVERY == 1:
            asyncio.get_running_loop().run_in_executor(None, self._sample, query.vector, base)

    def _sample(self, vector: np.ndarray, base: ProductIndex) -> None:
        found, exact = (side.search(vector[None], min(K, base.size))[0][0] for side in (base.backend, base.exact))
        self._metrics.canary.observe(len(np.intersect1d(found, exact)) / len(exact))
