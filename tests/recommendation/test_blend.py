import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from product_matching.recommendation.blend import (
    NEGATIVES,
    Blend,
    columns_at,
    curves,
    draw_pairs,
    fit_blend,
    shares,
)


def test_the_weights_are_those_of_logistic_regression():
    random = np.random.default_rng(0)
    columns = random.normal(size=(4000, 3)).astype(np.float32) * [1.0, 20.0, 0.1] + [0.0, 5.0, 2.0]
    chance = 1 / (1 + np.exp(2.0 - columns @ [1.0, 0.05, -8.0] - 16))
    taken = random.random(4000) < chance
    expected = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000).fit(columns, taken).coef_[0]
    np.testing.assert_allclose(fit_blend(columns, taken).weights, expected, rtol=0.02)


def test_a_column_that_never_changes_has_no_weight():
    columns = np.column_stack([np.arange(10), np.ones(10)])
    weights = fit_blend(columns.astype(np.float32), np.arange(10) > 6).weights
    assert weights[0] > 0
    assert weights[1] == 0


def test_scores_are_the_weighted_columns():
    random = np.random.default_rng(1)
    tables = [random.normal(size=(3, 5)).astype(np.float32) for _ in range(2)]
    tables[0][1, 2] = -np.inf
    products, weights = random.normal(size=(5, 2)).astype(np.float32), random.normal(size=10)
    scores = Blend(weights).scores(tables, products)
    for row in range(3):
        for place in range(5):
            columns = columns_at(tables, products, np.array([row]), np.array([place]))[0]
            assert scores[row, place] == pytest.approx(columns @ weights, abs=1e-5)


def test_shares_are_of_the_largest_and_unknown_is_nothing():
    table = np.array([[2.0, -1.0, -np.inf], [0.0, 0.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(shares(table), [[1, -0.5, 0], [0, 0, 0]])


def test_the_curves_of_a_share():
    expected = [[0.5, -1.0], [np.log(16), -np.log(31)], [0.5**4, 0], [0.5**16, 0]]
    np.testing.assert_allclose(curves(np.array([0.5, -1.0], dtype=np.float32)), expected, rtol=1e-6)


def test_what_was_taken_or_seen_is_not_drawn():
    taken, barred = np.array([1, 12]), np.array([2, 3, 10])  # two users, ten products
    pairs, labels = draw_pairs(taken, barred, 10, np.random.default_rng(0))
    assert pairs[labels].tolist() == [1, 12]
    drawn = pairs[~labels]
    assert 0.4 * NEGATIVES < (drawn < 10).sum() < NEGATIVES
    assert set(drawn.tolist()) == set(range(20)) - {1, 2, 3, 10, 12}
