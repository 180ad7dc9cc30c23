import numpy as np
import pytest

from product_matching.errors import DataError
from product_matching.recommendation import paced_bids, run_auction


def test_an_auction_by_hand():
    #                         value    .10   .16   .09   .30
    auction = run_auction([0.10, 0.40, 0.30, 0.60], [1.0, 0.4, 0.3, 0.5], slots=2)
    assert auction.winners.tolist() == [3, 1]
    assert auction.values == pytest.approx([0.30, 0.16])
    # The first pays what keeps it above the second, .16 / .60, the second what keeps it above the third, .10 / .40.
    assert auction.prices == pytest.approx([0.16 / 0.60, 0.10 / 0.40])


def test_floor_reserve_and_the_last_price():
    auction = run_auction([0.9, 0.04, 0.5, 0.8], [0.2, 99.0, 0.05, 0.0], slots=3, floor=0.05, reserve=0.1)
    assert auction.winners.tolist() == [0]  # the second does not match, the third bids too little, the last nothing
    assert auction.prices.tolist() == [0.1]


def test_a_price_is_never_above_the_bid_and_keeps_the_slot():
    random = np.random.default_rng(0)
    for _ in range(50):
        chances, bids = random.random(8), random.random(8)
        auction = run_auction(chances, bids, slots=4)
        assert (auction.prices <= bids[auction.winners] + 1e-12).all()
        lowered = bids.copy()
        lowered[auction.winners[0]] = auction.prices[0] + 1e-9
        assert run_auction(chances, lowered, slots=4).winners[0] == auction.winners[0]


def test_pacing_brakes_and_stops():
    bids = paced_bids([1.0, 1.0, 1.0, 1.0], budgets=[10, 10, 10, 0], spent=[5, 6, 10, 0], elapsed=0.5, gain=4)
    assert bids == pytest.approx([1.0, 0.6, 0.0, 0.0])


def test_a_paced_budget_lasts_the_day():
    random = np.random.default_rng(0)
    spent, spans = 0.0, []
    for visit in range(2000):
        elapsed = visit / 2000
        bid = paced_bids([1.0], budgets=[100.0], spent=[spent], elapsed=elapsed)[0]
        auction = run_auction([0.5, 0.5], [bid, random.random()], slots=1)
        if len(auction.winners) and auction.winners[0] == 0:
            spent += auction.prices[0]
            spans.append(elapsed)
    assert 90 < spent <= 101  # unpaced, it would be gone before a fifth of the day
    assert max(spans) > 0.95


def test_mistakes_are_named():
    with pytest.raises(DataError, match="probabilities for"):
        run_auction([0.1], [1.0, 2.0], slots=1)
    with pytest.raises(DataError, match="between 0 and 1"):
        run_auction([1.5], [1.0], slots=1)
    with pytest.raises(DataError, match="share of the day"):
        paced_bids([1.0], budgets=[1.0], spent=[0.0], elapsed=7)
