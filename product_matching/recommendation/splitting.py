"""Splits of interactions in time: what a recommender may learn from, and what it must foresee."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from product_matching.dataset.splitting import SIDES, assign_parts
from product_matching.errors import DataError, unknown_name
from product_matching.recommendation.interactions import Interactions

SPLITS = ("leave-last-out", "global-time")
COLD, WARM = 2, 10
"""A history of at most so many events is cold, or warm; a longer one is hot. The same for a product's events."""


@dataclass(frozen=True)
class TimeSplit:
    """Events to learn from, to choose by, and to measure on; the three share users and products."""

    train: Interactions
    valid: Interactions
    test: Interactions

    @property
    def before_test(self) -> Interactions:
        """Train and validation together: all that is known when the test begins."""
        both = [self.train, self.valid]
        columns = [np.concatenate([getattr(part, name) for part in both]) for name in ("user", "product", "time")]
        weights = np.concatenate([part.weight for part in both])
        order = np.lexsort((columns[2], columns[0]))
        users, products = self.train.users, self.train.products
        return Interactions(users, products, *(column[order] for column in (*columns, weights)))


def split_interactions(interactions: Interactions, split: str = "leave-last-out") -> TimeSplit:
    """Splits as `leave_last_out` or `global_time` do, by name.

    Raises:
        DataError: If the name is unknown, or a side is empty.
    """
    if split not in SPLITS:
        raise DataError(unknown_name("split", split, SPLITS))
    return leave_last_out(interactions) if split == "leave-last-out" else global_time(interactions)


def leave_last_out(interactions: Interactions) -> TimeSplit:
    """Sets aside the last event of each user for the test and the one before for validation (Kang and McAuley, 2018).

    Users with fewer than three events stay in train whole.

    Raises:
        DataError: If no user has three events.
    """
    lengths = np.diff(interactions.offsets)
    from_end = interactions.offsets[interactions.user + 1] - np.arange(len(interactions))
    split = lengths[interactions.user] >= 3
    if not split.any():
        raise DataError("No user has three events, so none can be set aside for validation and test.")
    test, valid = split & (from_end == 1), split & (from_end == 2)
    return TimeSplit(*(interactions.take(mask) for mask in (~(test | valid), valid, test)))


def global_time(interactions: Interactions, *, valid: float = 0.1, test: float = 0.1) -> TimeSplit:
    """Cuts at two moments: nothing learnt happened after anything foreseen, for any user.

    Args:
        interactions: The events.
        valid, test: Shares of the events, the latest ones; equal moments stay together.

    Raises:
        DataError: If a side is empty, as when all events bear one time.
    """
    first, second = np.quantile(interactions.time, [1 - valid - test, 1 - test], method="lower")
    late = interactions.time > second
    middle = (interactions.time > first) & ~late
    parts = [interactions.take(mask) for mask in (~(late | middle), middle, late)]
    if not all(len(part) for part in parts):
        raise DataError(
            "The events cannot be cut in time: too many bear the same timestamp. "
            "Where timestamps only order the events of each user, use the split leave-last-out."
        )
    return TimeSplit(*parts)


def cold_start(interactions: Interactions, *, valid: float = 0.1, test: float = 0.1, seed: int = 0) -> TimeSplit:
    """Sets aside all events of some products, so that what is foreseen was never seen in training.

    The side of a product follows from its id and the seed alone: new products and events move no old one.

    Args:
        interactions: The events.
        valid, test: Shares of the products.
        seed: Another seed gives another split.

    Raises:
        DataError: If a side is empty.
    """
    sides = assign_parts(interactions.products.tolist(), seed, val=valid, test=test)[interactions.product]
    parts = [interactions.take(sides == side) for side in SIDES]
    if not all(len(part) for part in parts):
        raise DataError(f"Of {len(interactions.products)} products too few are left for a side. Raise valid and test.")
    return TimeSplit(*parts)


def temperature_of(counts: np.ndarray) -> np.ndarray:
    """Tells of each number of events [N] whether it makes `"cold"`, `"warm"` or `"hot"`: str [N]."""
    return np.select([counts <= COLD, counts <= WARM], ["cold", "warm"], "hot")
