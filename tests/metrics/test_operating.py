import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from product_matching.errors import ConfigError, DataError
from product_matching.metrics import choose_threshold, match_metrics, operating, threshold_for, threshold_table


def pairs(seed, count=120):
    rng = np.random.default_rng(seed)
    labels = np.append([0, 1], rng.integers(0, 2, count))
    # Rounded: ties.
    return labels, np.round(np.clip(rng.normal(0.35 + 0.3 * labels, 0.2), 0, 1), 2)


@given(st.integers(0, 10_000))
def test_points_are_those_of_scikit_learn(seed):
    labels, values = pairs(seed)
    points = threshold_table(labels, values, [""] * len(labels))["points"]
    precision, recall, levels = precision_recall_curve(labels, values)
    assert points["precision"] == pytest.approx(precision[:-1][::-1])
    assert points["recall"] == pytest.approx(recall[:-1][::-1])
    for threshold, level in zip(points["threshold"], levels[::-1], strict=True):
        assert ((values >= threshold) == (values >= level)).all()


@given(st.integers(0, 10_000), st.sampled_from(["accuracy", "f1", "precision>=0.8", "recall >= .9", "cost=3"]))
def test_aims_choose_what_the_whole_list_of_pairs_would(seed, aim):
    labels, values = pairs(seed)
    table = threshold_table(labels, values, [""] * len(labels))
    goals = {"p": {"goal": "precision", "at_least": 0.8}, "r": {"goal": "recall", "at_least": 0.9}}
    goals |= {"c": {"goal": "cost", "false_match": 3.0}, "a": {"goal": "accuracy"}, "f": {"goal": "f1"}}
    theirs = choose_threshold(labels, values, **goals[aim[0]])
    if not np.isfinite(theirs):
        with pytest.raises(DataError, match="the best precision was"):
            threshold_for(table, aim)
        return
    ours = threshold_for(table, aim)
    if aim == "cost=3":
        costs = [
            3 * ((values >= t) & (labels == 0)).sum() + ((values < t) & (labels == 1)).sum() for t in (ours, theirs)
        ]
        # To call nothing a match is not among the points.
        assert costs[0] == costs[1] or theirs > values.max()
    else:
        assert ((values >= ours) == (values >= theirs)).all()


def test_many_levels_are_thinned_and_hold_nearly_what_they_say():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 20_000)
    values = 1 / (1 + np.exp(-rng.normal(3 * labels - 1.5, 1.5)))
    table = threshold_table(labels, values, np.where(rng.random(20_000) < 0.5, "鞋", "mug"))
    assert len(table["points"]["threshold"]) == operating.POINTS
    found = match_metrics(labels, values, threshold=threshold_for(table, "precision>=0.9"))
    assert 0.9 <= found["precision"] < 0.905
    assert set(table["by_category"]) == {"鞋", "mug"}
    assert table["by_category"]["鞋"] == pytest.approx(table["f1"], abs=0.05)


@pytest.mark.parametrize("aim", ["", "precision", "precision>=1.5", "cost=-1", "best"])
def test_an_aim_that_is_not_understood_names_those_that_are(aim):
    with pytest.raises(ConfigError, match=r"precision>=0\.95"):
        threshold_for(threshold_table([0, 1], [0.1, 0.9], ["", ""]), aim)


def test_example():
    assert doctest.testmod(operating).failed == 0
