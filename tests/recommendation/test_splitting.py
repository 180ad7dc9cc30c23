import numpy as np
import pytest

from product_matching.errors import DataError
from product_matching.recommendation import Interactions, split_interactions
from product_matching.recommendation.splitting import cold_start, temperature_of


def pairs(events):
    return list(zip(events.users[events.user].tolist(), events.products[events.product].tolist(), strict=True))


def test_the_last_event_is_tested_and_the_one_before_validated():
    events = Interactions.from_arrays(list("aaaabb"), list("wxyzwx"), [4, 1, 2, 3, 1, 2])
    split = split_interactions(events)
    assert pairs(split.test) == [("a", "w")]
    assert pairs(split.valid) == [("a", "z")]
    assert pairs(split.train) == [("a", "x"), ("a", "y"), ("b", "w"), ("b", "x")]
    assert pairs(split.before_test) == [("a", "x"), ("a", "y"), ("a", "z"), ("b", "w"), ("b", "x")]


def test_users_with_two_events_cannot_be_split():
    with pytest.raises(DataError, match="three events"):
        split_interactions(Interactions.from_arrays(["a", "a"], ["x", "y"]))


def test_nothing_learnt_comes_after_anything_foreseen():
    random = np.random.default_rng(0)
    events = Interactions.from_arrays(
        random.integers(0, 30, 500), random.integers(0, 20, 500), random.integers(0, 100, 500)
    )
    split = split_interactions(events, "global-time")
    assert split.train.time.max() < split.valid.time.min()
    assert split.valid.time.max() < split.test.time.min()
    assert len(split.train) + len(split.valid) + len(split.test) == 500
    assert 25 <= len(split.test) <= 60
    assert (np.diff(split.before_test.user) >= 0).all()


def test_one_time_for_all_cannot_be_cut():
    with pytest.raises(DataError, match="leave-last-out"):
        split_interactions(Interactions.from_arrays(list("abc"), list("xyz"), [5, 5, 5]), "global-time")


def test_an_unknown_split_is_named():
    with pytest.raises(DataError, match="Did you mean 'global-time'"):
        split_interactions(Interactions.from_arrays(["a"], ["x"]), "globaltime")


def test_temperatures():
    assert temperature_of(np.array([0, 2, 3, 10, 11])).tolist() == ["cold", "cold", "warm", "warm", "hot"]


def test_products_of_a_cold_start_were_never_seen_and_stay_where_they_are():
    random = np.random.default_rng(0)
    users, products = random.integers(0, 30, 900), random.integers(0, 120, 900)
    first = products < 100
    split = cold_start(Interactions.from_arrays(users[first], products[first]), valid=0.2, test=0.2)
    sides = [{product for _, product in pairs(part)} for part in (split.train, split.valid, split.test)]
    assert all(sides)
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert sum(len(part) for part in (split.train, split.valid, split.test)) == first.sum()
    grown = cold_start(Interactions.from_arrays(users, products), valid=0.2, test=0.2)
    for side, part in zip(sides, (grown.train, grown.valid, grown.test), strict=True):
        assert side <= {product for _, product in pairs(part)}


def test_a_cold_start_needs_products_on_each_side():
    with pytest.raises(DataError, match="Of 2 products too few"):
        cold_start(Interactions.from_arrays(["a", "b"], ["x", "y"]))
