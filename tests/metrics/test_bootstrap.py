import math

import numpy as np
import pytest
from scipy import stats

from product_matching.errors import ConfigError, DataError
from product_matching.metrics import bootstrap_interval


def test_close_to_the_normal_interval():
    values = np.random.default_rng(0).normal(3, 2, size=2000)
    half = 1.96 * values.std() / math.sqrt(2000)
    assert bootstrap_interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


def test_few_distinct_values_have_the_interval_of_scipy():
    values = np.random.default_rng(0).choice([0.0, 0.5, 1.0], size=400, p=[0.1, 0.2, 0.7])
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=0).confidence_interval
    assert bootstrap_interval(values, resamples=4000) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_covers_the_true_mean_as_often_as_it_says():
    generator = np.random.default_rng(1)
    hits = 0
    for seed in range(200):
        low, high = bootstrap_interval(generator.random(60), seed=seed, resamples=200, level=0.9)
        hits += low <= 0.5 <= high
    assert 0.82 <= hits / 200 <= 0.96


def test_constant_values_and_one_value():
    assert bootstrap_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    assert bootstrap_interval([2.0]) == (2.0, 2.0)


def test_seeded_and_wider_with_the_level():
    values = np.random.default_rng(0).random(100)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    narrow, wide = bootstrap_interval(values, level=0.5), bootstrap_interval(values, level=0.99)
    assert wide[0] < narrow[0] < values.mean() < narrow[1] < wide[1]


def test_unusable_input():
    with pytest.raises(DataError, match="values must be a non-empty"):
        bootstrap_interval([])
    with pytest.raises(DataError, match=r"values\[0\] is nan"):
        bootstrap_interval([math.nan])
    with pytest.raises(ConfigError, match="level"):
        bootstrap_interval([1.0], level=1.0)
    with pytest.raises(ConfigError, match="resamples"):
        bootstrap_interval([1.0], resamples=0)
