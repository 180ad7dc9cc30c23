import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_matching.errors import DataError
from product_matching.metrics import catalog_coverage, gini_index, list_diversity, novelty

LISTS = st.lists(st.lists(st.integers(-1, 5), min_size=3, max_size=3), min_size=1, max_size=6)


@given(LISTS)
def test_gini_is_the_mean_difference_of_counts(lists):
    counts = [sum(row.count(product) for row in lists) for product in range(6)]
    apart = sum(abs(a - b) for a, b in itertools.product(counts, counts))
    # The definition: mean absolute difference over twice the mean.
    assert gini_index(lists, 6) == pytest.approx(apart / (2 * 6 * sum(counts)) if sum(counts) else 0)
    assert catalog_coverage(lists, 6) == sum(count > 0 for count in counts) / 6


@given(LISTS, st.integers(0, 99))
def test_diversity_is_the_mean_over_pairs(lists, seed):
    vectors = np.random.default_rng(seed).normal(size=(6, 4))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    means = []
    for row in lists:
        shown = [product for product in row if product >= 0]
        pairs = [1 - units[a] @ units[b] for a, b in itertools.combinations(shown, 2)]
        means += [np.mean(pairs)] if pairs else []
    expected = np.mean(means) if means else np.nan
    assert list_diversity(lists, vectors) == pytest.approx(expected, nan_ok=True)


def test_novelty_counted_by_hand():
    # 3, 1 and 0 events and one more each: shares 4/7, 2/7 and 1/7.
    assert novelty([[0, 2], [2, -1]], [3, 1, 0]) == pytest.approx((np.log2(7 / 4) + 2 * np.log2(7)) / 3)


def test_a_product_that_is_not_there():
    with pytest.raises(DataError, match="below 3; the highest is 3"):
        gini_index([[0, 3]], 3)
