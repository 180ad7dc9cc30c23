import numpy as np
import pytest
from scipy import stats

from product_matching.errors import DataError
from product_matching.metrics import holm, paired_difference


def test_few_questions_are_exchanged_exactly():
    # Five questions, all better: 2 of 2^5 exchanges are as far apart.
    found = paired_difference([1, 1, 1, 1, 1, 0.5], [0, 0, 0, 0, 0, 0.5])
    assert found.p == pytest.approx(2 / 32)
    assert found.difference == pytest.approx(5 / 6)
    assert found.differing == 5
    assert found.interval[0] <= found.difference <= found.interval[1]


def test_many_questions_agree_with_the_t_test():
    rng = np.random.default_rng(0)
    a = rng.random(300)
    b = a + rng.normal(-0.02, 0.15, 300)
    found = paired_difference(a, b)
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.01)
    expected = stats.bootstrap((a - b,), np.mean, method="percentile", n_resamples=2000, rng=1).confidence_interval
    assert found.interval == pytest.approx(tuple(expected), abs=0.004)


def test_the_same_answers_are_no_difference():
    assert paired_difference([0, 1, 1], [0, 1, 1]) == (0.0, (0.0, 0.0), 1.0, 0)
    assert paired_difference([0, 1, 1], [0, 0, 1])[2:] == (1.0, 1)


def test_holm_counted_by_hand():
    # 4 * .005, 3 * .01, 2 * .03, 1 * .04 raised to the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_other_questions_are_refused():
    with pytest.raises(DataError, match="the same questions"):
        paired_difference([1, 0], [1])
