"""Ads among recommendations: what matches and pays stands first, and pays what the next one would have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import DataError


@dataclass(frozen=True)
class Auction:
    """The outcome of one auction.

    Attributes:
        winners: int64 [S], places of the ads shown, the first slot first.
        prices: float64 [S], what each pays for a click; never above its bid.
        values: float64 [S], probability times bid, what the ads were ranked by.
    """

    winners: np.ndarray
    prices: np.ndarray
    values: np.ndarray


def run_auction(
    probabilities: ArrayLike, bids: ArrayLike, *, slots: int, floor: float = 0.0, reserve: float = 0.0
) -> Auction:
    """Generalised second-price auction by expected value (Edelman, Ostrovsky and Schwarz, 2007; Varian, 2007).

    Ads are ranked by `probability · bid`. The one in slot s pays for a click the least bid that keeps its slot:
    `probability(s + 1) · bid(s + 1) / probability(s)`, and at least the reserve.

    Args:
        probabilities: [C], that the ad is what the shopper wants, 0 to 1: the match probability, or that of `Hybrid`.
        bids: [C], for a click; 0: does not take part (out of budget).
        slots: Places for ads.
        floor: The least probability: what does not match is not shown, whatever it bids.
        reserve: The least price of a click.

    Raises:
        DataError: If the arrays differ in length, or a value is out of its range.
    """
    chances, offers = np.asarray(probabilities, dtype=np.float64), np.asarray(bids, dtype=np.float64)
    if chances.ndim != 1 or chances.shape != offers.shape:
        raise DataError(f"There are {list(chances.shape)} probabilities for {list(offers.shape)} bids.")
    if not ((chances >= 0) & (chances <= 1)).all() or not (offers >= 0).all() or slots < 0:
        raise DataError("Probabilities must be between 0 and 1, bids and slots not below 0.")
    able = np.flatnonzero((chances >= floor) & (chances > 0) & (offers > 0) & (offers >= reserve))
    values = chances[able] * offers[able]
    ranked = able[np.argsort(-values, kind="stable")]
    shown = ranked[:slots]
    ordered = chances[ranked] * offers[ranked]
    following = np.append(ordered[1:], 0.0)[: len(shown)]
    prices = np.maximum(following / chances[shown], reserve)
    return Auction(shown, np.minimum(prices, offers[shown]), ordered[: len(shown)])


def paced_bids(
    bids: ArrayLike, *, budgets: ArrayLike, spent: ArrayLike, elapsed: float, gain: float = 20.0
) -> np.ndarray:
    """Lowers the bids of campaigns that spend faster than the day goes by, so that a budget lasts the day.

    `bid · clip(1 + gain · (elapsed - spent / budget), 0, 1)`: a proportional controller, 0 once the budget is spent.

    Args:
        bids: [C].
        budgets: [C], of the day; 0: nothing may be spent.
        spent: [C], so far.
        elapsed: Share of the day that is over, 0 to 1.
        gain: How hard it brakes: ahead by 1 / gain, a campaign pauses.

    Returns:
        float64 [C].
    """
    if not 0 <= elapsed <= 1:
        raise DataError(f"elapsed is a share of the day, 0 to 1; got {elapsed}.")
    limits, used = np.asarray(budgets, dtype=np.float64), np.asarray(spent, dtype=np.float64)
    share = np.where(limits > 0, used / np.where(limits > 0, limits, 1), 1.0)
    factor = np.clip(1 + gain * (elapsed - share), 0, 1)
    return np.asarray(bids, dtype=np.float64) * np.where(share >= 1, 0, factor)
