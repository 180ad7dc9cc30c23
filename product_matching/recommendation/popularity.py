"""What most users take, the newer events counting more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from product_matching.errors import ConfigError
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.recommender import Recommender


@dataclass(eq=False)
class Popularity(Recommender):
    """score(i) = Σ over the events of i of weight · 2^(-age / half_life), the same for all users.

    Args:
        half_life: Time after which an event counts half, in the unit of the timestamps (seconds, for dates); the
            age is taken from the newest event. 0: all count the same.
    """

    half_life: float = 30 * 86_400.0
    compares: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.half_life >= 0:
            raise ConfigError(f"half_life must not be below 0; got {self.half_life}.")

    def _fit(self) -> None:
        """Nothing is learnt: events are counted when they are asked for, so an update is seen at once."""

    def _score(self, histories: Histories) -> np.ndarray:
        return np.tile(self._popularity(), (len(histories), 1))

    def _similar(self, positions: np.ndarray) -> np.ndarray:
        """Popularity knows no likeness: the most popular products are as like as any."""
        return np.tile(self._popularity(), (len(positions), 1))

    def _popularity(self) -> np.ndarray:
        events = self.users.histories
        weights = events.weights.astype(np.float64)
        if self.half_life and len(events.times):
            weights = weights * np.exp2(-(events.times.max() - events.times) / self.half_life)
        return np.bincount(events.products, weights, minlength=len(self.products)).astype(np.float32)
