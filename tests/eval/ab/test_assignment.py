from collections import Counter

import numpy as np
import pytest
from scipy import stats

from product_matching.errors import ConfigError, DataError
from product_matching.eval.ab import assign, check_ratio

USERS = [f"用户{i}" for i in range(6000)]


def test_users_keep_their_variant_in_the_shares_asked_for():
    shares = {"old": 0.5, "new": 0.3, "off": 0.0, "other": 0.2}
    found = [assign(user, "search", shares) for user in USERS]
    assert found == [assign(user, "search", shares) for user in USERS]
    counts = Counter(found)
    assert counts["off"] == 0
    names = ["old", "new", "other"]
    assert stats.chisquare([counts[n] for n in names], [3000, 1800, 1200]).pvalue > 0.001


def test_one_experiment_says_nothing_of_another():
    table = np.zeros((2, 2))
    for user in USERS:
        table["AB".index(assign(user, "one")), "AB".index(assign(user, "two"))] += 1
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_a_wrong_ratio_is_seen():
    assert not check_ratio({"A": 5000, "B": 5100})["mismatch"]
    assert check_ratio({"A": 5000, "B": 5400})["mismatch"]
    assert not check_ratio({"A": 9000, "B": 1010}, {"A": 0.9, "B": 0.1})["mismatch"]
    assert check_ratio({"A": 5000, "B": 5100})["p"] == pytest.approx(stats.binomtest(5000, 10100).pvalue, abs=0.005)


def test_unusable_weights():
    with pytest.raises(ConfigError, match="not all 0"):
        assign("u", "e", {"A": 0.0})
    with pytest.raises(DataError, match="two variants"):
        check_ratio({"A": 5})
    with pytest.raises(DataError, match="'C'"):
        check_ratio({"A": 5, "C": 5}, {"A": 1})
