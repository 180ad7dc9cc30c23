import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.metrics import average_precision_score

from product_matching.errors import ConfigError, DataError
from product_matching.metrics import (
    average_precision,
    best_threshold,
    brier_score,
    expected_calibration_error,
    match_metrics,
    roc_auc,
)

# Few distinct scores, so that ties are the rule.
PAIRS = st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=1, max_size=40)


def random_pairs(seed, size=300, ties=False):
    generator = np.random.default_rng(seed)
    labels = generator.random(size) < 0.3
    scores = labels + generator.normal(size=size)
    return labels.astype(int), np.round(scores, 1) if ties else scores


def test_hand_counted():
    # Called: 0.9 (match), 0.6 (not), 0.5 (match). Missed: 0.3. TP 2, FP 1, FN 1, TN 1.
    result = match_metrics([1, 0, 1, 1, 0], [0.9, 0.6, 0.5, 0.3, 0.1], threshold=0.5)
    # 6 pairs of a match and another: 0.9 beats both, 0.5 and 0.3 beat 0.1 only.
    assert result == pytest.approx(
        {"accuracy": 3 / 5, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "auc": 4 / 6, "threshold": 0.5}
    )
    assert all(type(value) is float for value in result.values())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ties", [False, True])
def test_agrees_with_scikit_learn(seed, ties):
    labels, scores = random_pairs(seed, ties=ties)
    result = match_metrics(labels, scores, threshold=0.7)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(labels, scores >= 0.7, average="binary")
    assert result["accuracy"] == pytest.approx(sk.accuracy_score(labels, scores >= 0.7))
    assert (result["precision"], result["recall"], result["f1"]) == pytest.approx((precision, recall, f1))
    assert result["auc"] == pytest.approx(sk.roc_auc_score(labels, scores))


def test_nothing_called_a_match_has_precision_zero():
    result = match_metrics([1, 0], [0.1, 0.2], threshold=5)
    assert (result["precision"], result["recall"], result["f1"], result["accuracy"]) == (0, 0, 0, 0.5)


def test_auc_of_one_kind_of_label_is_nan():
    assert math.isnan(match_metrics([1, 1], [0.1, 0.2], threshold=0)["auc"])
    assert math.isnan(roc_auc([0], [1.0]))


@given(PAIRS)
@settings(max_examples=100, deadline=None)
def test_auc_is_the_share_of_pairs_in_order(pairs):
    wins = [(p > n) + (p == n) / 2 for is_match, p in pairs if is_match for other, n in pairs if not other]
    area = roc_auc(*zip(*pairs, strict=True))
    assert area == pytest.approx(sum(wins) / len(wins)) if wins else math.isnan(area)


@given(PAIRS, st.sampled_from(["accuracy", "f1"]))
@settings(max_examples=150, deadline=None)
def test_no_threshold_beats_the_best(pairs, aim):
    labels, scores = map(np.array, zip(*pairs, strict=True))
    best = best_threshold(labels, scores, aim=aim)
    reached = match_metrics(labels, scores, threshold=best)[aim]
    for other in np.arange(-5, 6, 0.5):
        assert reached >= match_metrics(labels, scores, threshold=other)[aim] - 1e-12


@given(PAIRS)
@settings(max_examples=100, deadline=None)
def test_threshold_is_midway_or_at_an_end(pairs):
    labels, scores = map(np.array, zip(*pairs, strict=True))
    levels = np.unique(scores)
    ends = [levels[0], np.nextafter(float(levels[-1]), np.inf)]
    assert best_threshold(labels, scores) in [*((levels[1:] + levels[:-1]) / 2), *ends]


def test_equally_good_thresholds_take_the_widest_gap():
    assert best_threshold([0, 0, 1, 1], [0.0, 1.0, 5.0, 5.5]) == 3.0
    # Cuts at 0.5 and at 6 both have one mistake.
    assert best_threshold([0, 1, 0, 1], [0.0, 1.0, 2.0, 10.0]) == 6.0


def test_neighbouring_floats_are_still_divided():
    low, high = 1.0, np.nextafter(1.0, 2)
    assert match_metrics([0, 1], [low, high], threshold=best_threshold([0, 1], [low, high]))["accuracy"] == 1


def test_threshold_calls_all_or_none_where_that_is_best():
    assert match_metrics([1, 1], [0.2, 0.4], threshold=best_threshold([1, 1], [0.2, 0.4]))["recall"] == 1
    assert match_metrics([0, 0], [0.2, 0.4], threshold=best_threshold([0, 0], [0.2, 0.4]))["accuracy"] == 1


def test_brier_agrees_with_scikit_learn():
    labels, scores = random_pairs(1)
    probabilities = 1 / (1 + np.exp(-scores))
    assert brier_score(labels, probabilities) == pytest.approx(sk.brier_score_loss(labels, probabilities))


def test_calibration_error_by_hand():
    # Bin [0, 0.5): mean 0.2 against 1/2, weight 2/3. Bin [0.5, 1]: 1.0 against 1.
    assert expected_calibration_error([0, 1, 1], [0.1, 0.3, 1.0], bins=2) == pytest.approx(2 / 3 * 0.3)


def test_calibration_error_agrees_with_a_loop_over_bins():
    labels, scores = random_pairs(2)
    probabilities = 1 / (1 + np.exp(-scores))
    expected = 0.0
    for lower in range(15):
        inside = (probabilities >= lower / 15) & (probabilities < (lower + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(labels[inside].mean() - probabilities[inside].mean())
    assert expected_calibration_error(labels, probabilities) == pytest.approx(expected)


def test_permutation_changes_nothing():
    labels, scores = random_pairs(3, ties=True)
    order = np.random.default_rng(0).permutation(len(labels))
    assert match_metrics(labels, scores, threshold=0.5) == pytest.approx(
        match_metrics(labels[order], scores[order], threshold=0.5)
    )
    assert best_threshold(labels, scores) == best_threshold(labels[order], scores[order])


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([], [], "labels must be a non-empty"),
        ([1, 0], [0.5], "as long as each other: 2 and 1"),
        ([1, 0], [0.5, math.nan], r"scores\[1\] is nan"),
        ([1, 0], [math.inf, 0], r"scores\[0\] is inf"),
        ([1, 2], [0.5, 0.5], "must be 0 or 1; one of them is 2"),
        ([[1, 0]], [[0.5, 0.5]], "one dimension"),
    ],
)
def test_unusable_input_is_named(labels, scores, message):
    for metric in (roc_auc, best_threshold, brier_score, lambda a, b: match_metrics(a, b, threshold=0)):
        with pytest.raises(DataError, match=message):
            metric(labels, scores)


def test_wrong_options():
    with pytest.raises(ConfigError, match="Unknown aim 'f2'"):
        best_threshold([1], [1.0], aim="f2")
    with pytest.raises(ConfigError, match="bins"):
        expected_calibration_error([1], [1.0], bins=0)
    with pytest.raises(DataError, match="0 to 1"):
        brier_score([1], [1.5])


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_is_that_of_sklearn_with_ties(seed):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 80), rng.integers(0, 12, 80) / 3
    assert average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores))


def test_average_precision_without_a_match_is_undefined():
    assert np.isnan(average_precision([0, 0], [0.1, 0.2]))
