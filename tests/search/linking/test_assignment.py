import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from product_matching.search.linking import assignment, one_to_one


def all_pairs(worth):
    pairs = np.argwhere(worth > 0)
    return pairs, worth[worth > 0]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_scipy_finds_on_the_dense_table(seed):
    rng = np.random.default_rng(seed)
    worth = rng.random((30, 40)) * (rng.random((30, 40)) < 0.06)
    pairs, values = all_pairs(worth)
    chosen = one_to_one(pairs, values)
    assert len(np.unique(pairs[chosen, 0])) == len(np.unique(pairs[chosen, 1])) == len(chosen)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    assert values[chosen].sum() == pytest.approx(worth[rows, columns].sum())


def test_two_good_pairs_beat_the_best_one():
    pairs = np.array([[0, 0], [0, 1], [1, 0]])
    assert one_to_one(pairs, np.array([0.9, 0.8, 0.7])).tolist() == [1, 2]


def test_a_huge_cluster_is_solved_greedily(monkeypatch):
    monkeypatch.setattr(assignment, "LARGEST", 1)
    pairs = np.array([[0, 0], [0, 1], [1, 0]])
    assert one_to_one(pairs, np.array([0.9, 0.8, 0.7])).tolist() == [0]


def test_nothing_to_choose_from():
    assert one_to_one(np.zeros((0, 2), np.int64), np.zeros(0)).tolist() == []
