import numpy as np
import pytest

from product_matching.errors import DataError
from product_matching.recommendation import Interactions
from product_matching.recommendation.holdout import hold_out, last_events, last_period
from product_matching.recommendation.known import KnownProducts, KnownUsers


def known(users, products, times):
    events = Interactions.from_arrays(users, products, times)
    goods = KnownProducts.collect(events, None)
    return goods, KnownUsers.collect(events, goods)


@pytest.fixture
def shop():
    """a: 10 events, b: 2, c: 1; product y is b's last."""
    users = ["a"] * 10 + ["b"] * 2 + ["c"]
    return known(users, [f"x{n}" for n in range(10)] + ["x0", "y", "x1"], [*range(10), 3, 20, 4])


def test_the_last_event_of_each_user_and_more_where_users_are_few(shop):
    histories = shop[1].histories
    assert np.bincount(histories.rows[last_events(histories, wanted=2)], minlength=3).tolist() == [1, 1, 0]
    # Ten wanted of two users would be five each: a fifth of ten are two, and one is the least.
    assert np.bincount(histories.rows[last_events(histories, wanted=10)], minlength=3).tolist() == [2, 1, 0]


def test_a_period_is_the_same_for_all(shop):
    late = last_period(shop[1].histories, share=0.2)
    assert sorted(shop[1].histories.times[late].tolist()) == [8, 9, 20]


def test_the_rest_is_known_and_counted(shop):
    goods, users = shop
    held = hold_out(goods, users, last_events(users.histories, wanted=2), np.zeros(len(goods), bool), most=9, seed=0)
    names = [(int(n) // len(goods), str(goods.ids[n % len(goods)])) for n in held.taken]
    assert sorted(names) == [(0, "x9"), (1, "y")]
    assert held.users.histories.lengths.tolist() == [9, 1, 1]
    assert held.products.counts[goods.places["y"]] == 0
    assert held.products.counts[goods.places["x0"]] == 2


def test_a_forgotten_product_has_no_event_left_and_can_still_be_foreseen(shop):
    goods, users = shop
    forgotten = goods.ids == "x0"
    held = hold_out(goods, users, last_events(users.histories, wanted=2), forgotten, most=9, seed=0)
    assert held.products.counts[goods.places["x0"]] == 0
    assert held.users.histories.lengths.tolist() == [8, 0, 1]


def test_what_was_taken_before_is_not_to_be_foreseen():
    goods, users = known(["a", "a", "b", "b"], ["x", "x", "x", "y"], [0, 1, 2, 3])
    held = hold_out(goods, users, last_events(users.histories, wanted=2), np.zeros(2, bool), most=9, seed=0)
    assert [(int(n) // 2, str(goods.ids[n % 2])) for n in held.taken] == [(1, "y")]


def test_users_without_anything_left_teach_nothing():
    goods, users = known(["a", "b"], ["x", "y"], [0, 1])
    with pytest.raises(DataError, match="nothing to learn from"):
        hold_out(goods, users, np.array([True, True]), np.zeros(2, bool), most=9, seed=0)
