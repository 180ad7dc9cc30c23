import numpy as np
import pytest

from product_matching.errors import ConfigError
from product_matching.recommendation import Interactions, Popularity, debiased
from product_matching.recommendation.propensity import ips_mean, propensities


def test_propensities_are_a_power_law():
    assert propensities(np.array([16, 4, 1, 0]), power=0.5).tolist() == [1.0, 0.5, 0.25, 0.25]


def test_rare_products_count_more_and_the_sum_stays():
    events = Interactions.from_arrays(list("abcde"), list("xxxxy"))
    found = debiased(events, power=0.5)
    assert found.weight.sum() == pytest.approx(5)
    assert found.weight[4] / found.weight[0] == pytest.approx(2)  # (1 / 4)^-0.5
    assert debiased(events, power=0).weight.tolist() == [1] * 5
    full = Popularity(half_life=0.0).fit(debiased(events, power=1.0))
    assert full.products.counts == pytest.approx([2.5, 2.5])


def test_a_clip_bounds_the_weights():
    events = Interactions.from_arrays(range(101), ["x"] * 100 + ["y"])
    weights = debiased(events, power=1.0, clip=2.0).weight
    assert weights[events.product == 1][0] < 5 * weights[events.product == 0][0]


def test_the_weighted_mean_is_unbiased():
    # Hits are seen with the propensity; what is seen, weighed by its inverse, gives the mean of all.
    random = np.random.default_rng(0)
    rate, chance = np.array([0.8, 0.2]), np.array([0.9, 0.1])
    kind = random.integers(2, size=200_000)
    seen = random.random(len(kind)) < chance[kind]
    hits = random.random(len(kind)) < rate[kind]
    assert hits[seen].mean() > 0.7
    assert ips_mean(hits[seen], chance[kind][seen]) == pytest.approx(0.5, abs=0.01)


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="power"):
        propensities(np.array([1]), power=2)
