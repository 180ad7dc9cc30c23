"""How good the answers to live searches are, and whether what is asked is still what the index was built for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping

import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching.deploy.service.metrics import Metrics
from product_matching.metrics.reach import toward
from product_matching.search import Options, Page, ProductIndex, Query
from product_matching.search.drift import Reference
from product_matching.search.product_index import CANDIDATES

EVERY = 100
"""One search of so many is done once more by exact search, after it was answered."""
K = 10
WINDOW = 1000
"""So many of the last queries of a kind are compared with the reference."""
SEEN = 200
"""From so many on, as fewer differ from the reference by chance."""
NONE = -1


class Watch:
    """Observes searches for the operators' figures: best probability, searches without a match, recall of a sample.

    Args:
        metrics: Where the figures go.
        references: How queries of a kind were distributed when the index was built; none for an older index.
    """

    def __init__(self, metrics: Metrics, references: Mapping[str, Reference]) -> None:
        self._metrics, self._searched = metrics, 0
        self._drifts = {kind: Drift(reference) for kind, reference in references.items()}

    def observe(self, query: Query, page: Page, base: ProductIndex) -> None:
        """Takes in a search that was answered; `base` is the index whose recall is in question."""
        if page.nothing_matches:
            self._metrics.nothing.inc()
        best = page.results[0] if page.results else None
        if best is not None and best.rank == 1 and best.probability is not None:
            self._metrics.best.observe(best.probability)
        self._searched += 1
        if self._searched % EVERY == 1:
            asyncio.get_running_loop().run_in_executor(None, self._sample, query, base)

    def compare(self, query: Query, options: Options, cosine: float | None) -> None:
        """Takes in what was asked, also where the answer was cached.

        Args:
            query: Of words or of a picture alone; others have no reference.
            options: A page after the first is no query of its own.
            cosine: Of the first result among all products; None where filters left some out.
        """
        drift = self._drifts.get(query.modes[0]) if len(query.modes) == 1 else None
        if drift is not None and not options.offset:
            drift.take(query.vector, cosine)

    def drift(self, kind: str, of: str) -> float:
        """PSI of the last queries of a kind, of their `"score"` or `"embedding"`; nan while there are too few."""
        return self._drifts[kind].stability(of) if kind in self._drifts else math.nan

    def _sample(self, query: Query, base: ProductIndex) -> None:
        # As a search does: of as many candidates as it looks at.
        vector, less = query.vector[None], toward(base.reach, query.sides)
        found = base.nearest(vector, min(CANDIDATES, base.size), query.sides)[0][0, :K]
        exact = base.exact.search(vector, min(K, base.size), less=less)[0][0]
        self._metrics.canary.observe(len(np.intersect1d(found, exact)) / len(exact))


class Drift:
    """A window over the last queries of one kind: in which bins of a reference they fall, not what they were."""

    def __init__(self, reference: Reference) -> None:
        self._reference, self._taken = reference, 0
        # The first column is the score's, the others are the axes'.
        self._window: IntArray = np.full((WINDOW, 1 + len(reference.axes)), NONE, np.int64)

    def take(self, vector: FloatArray, score: float | None) -> None:
        """A query [D], and the cosine of its first result where that can be compared."""
        row = self._window[self._taken % WINDOW]
        row[0] = NONE if score is None else self._reference.score.places(score)
        row[1:] = self._reference.places(vector)
        self._taken += 1

    def stability(self, of: str) -> float:
        """PSI of the window, for the embedding the largest of all axes; nan while it holds fewer than 200."""
        columns = self._window[: self._taken].T
        scored = columns[0][columns[0] != NONE]
        if of == "score":
            return self._reference.score.stability(scored) if len(scored) >= SEEN else math.nan
        if columns.shape[1] < SEEN:
            return math.nan
        axes = zip(self._reference.projections, columns[1:], strict=True)
        return max(bins.stability(places) for bins, places in axes)
