"""The recommender of a bundle, and what shoppers did since it was fitted."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np

from product_matching.bundle import Bundle
from product_matching.deploy.service.problems import Problem
from product_matching.recommendation import Interactions, Recommender
from product_matching.recommendation.rank_probability import probability_at


class Shoppers:
    """Ranks products for a shopper, if the bundle has a recommender."""

    def __init__(self, recommender: Recommender | None) -> None:
        self._recommender = recommender
        self._lock = Lock()  # a recommender takes events in by changing itself

    @classmethod
    def load(cls, bundle: Bundle) -> Shoppers:
        """Opens the recommender."""
        if not bundle.recommender_folder.is_dir():
            return cls(None)
        return cls(Recommender.load(bundle.recommender_folder))

    @property
    def name(self) -> str | None:
        """The class of the recommender."""
        return None if self._recommender is None else type(self._recommender).__name__

    def take(self, events: Sequence[dict[str, Any]]) -> None:
        """Lets the next recommendation see events."""
        if self._recommender is None or not events:
            return
        names = ("user_id", "product_id", "timestamp", "weight")
        columns = [np.array([event[name] for event in events]) for name in names]
        with self._lock:
            self._recommender.update(Interactions.from_arrays(*columns))

    def recommend(
        self,
        user: str | None,
        history: Sequence[str] | None,
        *,
        k: int,
        allowed: Sequence[str] | None,
        include_seen: bool,
    ) -> list[tuple[str, float, float | None]]:
        """Product ids with their scores and the probability of being taken next, where it was measured; best first.

        Raises:
            Problem: 404 if the bundle has no recommender.
        """
        if self._recommender is None:
            raise Problem(
                404,
                "This bundle has no recommender. Fit one, then start the service again: "
                "product-matching train-recommender BUNDLE INTERACTIONS",
            )
        asked = {"users": [user]} if user is not None else {"histories": [list(history or ())]}
        with self._lock:
            ids, scores = self._recommender.recommend(**asked, k=k, candidates=allowed, exclude_seen=not include_seen)
        measured = self._recommender.rank_probabilities
        chances = [None] * k if measured is None else probability_at(np.arange(1, k + 1), measured).tolist()
        found = zip(ids[0].tolist(), scores[0].tolist(), chances, strict=True)
        return [row for row in found if row[0] != ""]
