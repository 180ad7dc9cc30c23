import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from product_matching.errors import ConfigError
from product_matching.metrics import category_thresholds, choose_threshold, fit_isotonic, isotonic_probability

PAIRS = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=30)


def counts(labels, scores, threshold):
    called = scores >= threshold
    return (called & (labels == 1)).sum(), (called & (labels == 0)).sum(), (~called & (labels == 1)).sum()


def every_cut(scores):
    return [*np.unique(scores), scores.max() + 1]


@given(PAIRS, st.sampled_from([0.3, 0.6, 0.9, 1.0]))
def test_precision_is_reached_with_the_best_recall(pairs, bound):
    labels, scores = np.array(pairs).T.astype(int)
    found = choose_threshold(labels, scores, goal="precision", at_least=bound)
    reachable = [
        hits
        for hits, false, _ in (counts(labels, scores, cut) for cut in np.unique(scores))
        if hits / (hits + false) >= bound
    ]
    hits, false, _ = counts(labels, scores, found)
    if not reachable:
        assert found == np.inf
    else:
        assert hits / (hits + false) >= bound
        assert hits == max(reachable)


@given(PAIRS, st.sampled_from([(1, 1), (5, 1), (1, 9), (0, 1)]))
def test_no_other_threshold_costs_less(pairs, prices):
    labels, scores = np.array(pairs).T.astype(int)

    def cost(threshold):
        _, false, missed = counts(labels, scores, threshold)
        return prices[0] * false + prices[1] * missed

    found = choose_threshold(labels, scores, goal="cost", false_match=prices[0], missed_match=prices[1])
    assert cost(found) == min(cost(cut) for cut in every_cut(scores))


def test_recall_is_reached_with_the_fewest_false():
    labels, scores = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.8, 0.7, 0.6, 0.2])
    assert choose_threshold(labels, scores, goal="recall", at_least=0.6) == pytest.approx(0.65)
    assert choose_threshold(labels, scores, goal="recall", at_least=1) == pytest.approx(0.2)


def test_rare_kinds_are_drawn_to_the_threshold_of_all():
    rng = np.random.default_rng(0)
    kinds = np.array(["鞋"] * 2000 + ["mug"] * 4 + ["bag"])
    labels = np.array([0, 1] * 1000 + [0, 0, 1, 1] + [1])
    scores = np.where(labels == 1, 0.7, 0.3) + rng.normal(0, 0.01, len(labels))
    scores[2000:2004] = [0.8, 0.85, 0.95, 0.96]
    found = category_thresholds(labels, scores, kinds, goal="accuracy", shrink=50)
    overall = choose_threshold(labels, scores, goal="accuracy")
    assert found["mug"] == pytest.approx((4 * 0.9 + 50 * overall) / 54)
    assert found["bag"] == overall
    alone = category_thresholds(labels, scores, kinds, goal="accuracy", shrink=0)
    assert alone["mug"] == pytest.approx(0.9)


@given(PAIRS)
def test_isotonic_equals_scikit_learn(pairs):
    labels, scores = np.array(pairs).T.astype(float)
    curve, wanted = fit_isotonic(labels, scores), IsotonicRegression(out_of_bounds="clip").fit(scores, labels)
    asked = np.linspace(-1, 9, 21)
    np.testing.assert_allclose(isotonic_probability(asked, curve), wanted.predict(asked), atol=1e-9)


def test_unknown_aims():
    with pytest.raises(ConfigError, match="Did you mean 'precision'"):
        choose_threshold([0, 1], [0, 1], goal="precison")
    with pytest.raises(ConfigError, match="at_least"):
        choose_threshold([0, 1], [0, 1], goal="recall", at_least=2)
