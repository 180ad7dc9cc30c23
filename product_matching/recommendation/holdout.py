"""What the hybrid sets aside of the events to learn from: what users took next, and all that was known before."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from product_matching.errors import DataError
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.known import KnownProducts, KnownUsers

MOST_OF_A_HISTORY = 5  # at most one event of so many is set aside, where there are few users


@dataclass(frozen=True)
class Holdout:
    """Known products and users before the events that are set aside, and those events.

    Attributes:
        products: N of them, with the counts that are left.
        users: With the events that are left.
        chosen: int64 [n], rows of users that have something set aside.
        taken: int64 [m], ascending: place in `chosen` · N + product, for each event that is set aside.
    """

    products: KnownProducts
    users: KnownUsers
    chosen: np.ndarray
    taken: np.ndarray


def last_events(histories: Histories, *, wanted: int) -> np.ndarray:
    """Marks the last event of each user with two or more; where users are few, more of them, to get to `wanted`.

    Returns:
        bool [M].
    """
    able = histories.lengths >= 2
    share = -(-wanted // max(1, int(able.sum())))
    quota = np.where(able, np.clip(share, 1, np.maximum(1, histories.lengths // MOST_OF_A_HISTORY)), 0)
    return histories.steps_back < quota[histories.rows]


def last_period(histories: Histories, *, share: float) -> np.ndarray:
    """Marks the latest events of all, about this share of them: bool [M]."""
    return histories.times > np.quantile(histories.times, 1 - share)


def hold_out(
    products: KnownProducts, users: KnownUsers, later: np.ndarray, forgotten: np.ndarray, *, most: int, seed: int
) -> Holdout:
    """Sets events aside.

    Args:
        products, users: All that is known.
        later: bool [M], which events are set aside.
        forgotten: bool [N], products that lose all their events, as if they were new.
        most: Users to choose at most, drawn at random.
        seed: Of the draw.

    Raises:
        DataError: If nothing is set aside of a user who has anything left.
    """
    old, count = users.histories, len(products)
    kept = ~later & ~forgotten[old.products]
    offsets = np.concatenate([[0], np.cumsum(kept)])[old.offsets]
    left = Histories(old.products[kept], old.weights[kept], old.times[kept], offsets, old.users)
    owner = np.flatnonzero(np.bincount(old.rows[later], minlength=len(old)))
    owner = owner[np.diff(old.offsets)[owner] > np.bincount(old.rows[later], minlength=len(old))[owner]]
    if not len(owner):
        raise DataError("No user has two events, one before what is set aside: the hybrid has nothing to learn from.")
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(owner, size=min(most, len(owner)), replace=False))
    place = np.full(len(old), -1)
    place[chosen] = np.arange(len(chosen))
    wanted = later & (place[old.rows] >= 0)
    taken = np.unique(place[old.rows[wanted]] * count + old.products[wanted])
    before = place[left.rows] * count + left.products
    counts = np.bincount(left.products, left.weights, minlength=count).astype(np.float32)
    known = replace(products, counts=counts), KnownUsers(users.ids, left)
    return Holdout(*known, chosen, np.setdiff1d(taken, before))
