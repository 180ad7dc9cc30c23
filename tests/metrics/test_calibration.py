import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from product_matching.errors import DataError
from product_matching.metrics import brier_score, fit_platt, platt_probability

SCORES = st.lists(st.tuples(st.booleans(), st.floats(-1e6, 1e6)), min_size=1, max_size=30)


def noisy_pairs(size=20_000, scale=2.0, offset=-1.0):
    generator = np.random.default_rng(0)
    scores = generator.normal(size=size)
    return generator.random(size) < 1 / (1 + np.exp(-(scale * scores + offset))), scores


def smoothed_loss(labels, scores, scale, offset):
    labels = np.asarray(labels, dtype=bool)
    positives, negatives = labels.sum(), (~labels).sum()
    targets = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    logits = scale * np.asarray(scores) + offset
    return np.mean(np.logaddexp(0, logits) - targets * logits)


def test_finds_the_parameters_that_made_the_labels():
    assert fit_platt(*noisy_pairs()) == pytest.approx((2.0, -1.0), abs=0.1)


def test_agrees_with_logistic_regression():
    labels, scores = noisy_pairs()
    oracle = LogisticRegression(C=1e10).fit(scores[:, None], labels)
    # Smoothing the targets is all that sets them apart, and it fades with the number of pairs.
    assert fit_platt(labels, scores) == pytest.approx((oracle.coef_[0, 0], oracle.intercept_[0]), abs=0.005)


def test_agrees_with_a_grid_on_few_pairs():
    labels, scores = [0, 1, 0, 1, 1], [-1.0, -0.5, 0.2, 0.6, 1.5]
    scale, offset = fit_platt(labels, scores)
    best = smoothed_loss(labels, scores, scale, offset)
    grid = [smoothed_loss(labels, scores, a, b) for a in np.linspace(0, 4, 161) for b in np.linspace(-3, 3, 121)]
    assert best <= min(grid)
    assert best == pytest.approx(min(grid), abs=1e-3)


@pytest.mark.parametrize("spread", [1e-6, 1.0, 1e6])
def test_separable_scores_give_finite_parameters_in_order(spread):
    labels, scores = [0, 0, 1, 1], np.array([-2.0, -1.0, 1.0, 2.0]) * spread
    scale, offset = fit_platt(labels, scores)
    probabilities = platt_probability(scores, scale=scale, offset=offset)
    assert math.isfinite(scale)
    assert scale > 0
    # Targets are 3/4 and 1/4: no probability may go to 0 or 1.
    assert probabilities.round(2).tolist() == pytest.approx(sorted(1 - probabilities.round(2)), abs=0.011)
    assert 0.1 < probabilities[0] < 0.5 < probabilities[3] < 0.9


@pytest.mark.parametrize("labels", [[0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]])
def test_constant_scores_give_one_probability(labels):
    scale, offset = fit_platt(labels, [0.1] * 4)
    positives = sum(labels)
    up, down = (positives + 1) / (positives + 2), 1 / (4 - positives + 2)
    expected = (positives * up + (4 - positives) * down) / 4
    assert scale == 0
    assert platt_probability([0.1], scale=scale, offset=offset) == pytest.approx([expected])


def test_reversed_scores_do_not_turn_the_order_around():
    labels, scores = noisy_pairs(500)
    assert fit_platt(labels, -scores)[0] == 0.0


@given(SCORES)
@settings(max_examples=150, deadline=None)
def test_always_finite_monotone_and_better_than_a_constant(pairs):
    labels, scores = zip(*pairs, strict=True)
    scale, offset = fit_platt(labels, scores)
    assert math.isfinite(scale)
    assert math.isfinite(offset)
    assert scale >= 0
    share = np.mean([fit_platt(labels, np.zeros(len(labels)))[1]])
    assert smoothed_loss(labels, scores, scale, offset) <= smoothed_loss(labels, scores, 0, share) + 1e-9


def test_calibration_improves_the_brier_score():
    labels, scores = noisy_pairs(2000)
    raw = np.clip((scores + 4) / 8, 0, 1)
    scale, offset = fit_platt(labels, raw)
    assert brier_score(labels, platt_probability(raw, scale=scale, offset=offset)) < brier_score(labels, raw)


def test_probability_does_not_overflow():
    assert platt_probability([-1e6, 0, 1e6], scale=1.0, offset=0.0).tolist() == [0.0, 0.5, 1.0]


def test_unusable_input():
    with pytest.raises(DataError, match="labels must be a non-empty"):
        fit_platt([], [])
    with pytest.raises(DataError, match="nan"):
        fit_platt([0, 1], [0, math.nan])
