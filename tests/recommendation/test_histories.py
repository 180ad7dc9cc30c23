import numpy as np
import pytest

from product_matching.recommendation.histories import Histories
from product_matching.recommendation.top_k import MISS, ranks_of, top_k


@pytest.fixture
def three():
    return Histories.from_lists([[4, 2, 4], [], [7]])


def lists(histories):
    return [part.tolist() for part in np.split(histories.products, histories.offsets[1:-1])]


def test_rows_and_steps_back(three):
    assert three.lengths.tolist() == [3, 0, 1]
    assert three.rows.tolist() == [0, 0, 0, 2]
    assert three.steps_back.tolist() == [2, 1, 0, 0]


def test_taking_rows_keeps_their_order_and_minus_one_is_empty(three):
    assert lists(three.take(np.array([2, -1, 0, 0]))) == [[7], [], [4, 2, 4], [4, 2, 4]]


def test_the_last_events_and_those_below_a_position(three):
    assert lists(three.last(2)) == [[2, 4], [], [7]]
    assert lists(three.below(4)) == [[2], [], []]


def test_the_matrix_sums_repeats_and_leaves_the_histories_alone(three):
    matrix = three.matrix(8)
    assert matrix.toarray()[0].tolist() == [0, 0, 1, 0, 2, 0, 0, 0]
    assert three.products.tolist() == [4, 2, 4, 7]


def test_padding_keeps_the_latest_on_the_left(three):
    assert three.padded(2).tolist() == [[3, 5], [0, 0], [8, 0]]


@pytest.mark.parametrize("k", [1, 3, 7, 9])
def test_top_k_is_a_stable_sort(k):
    random = np.random.default_rng(0)
    scores = random.integers(-3, 3, size=(50, 7)).astype(np.float32) / 3
    scores[random.random(scores.shape) < 0.1] = -0.0
    scores[3] = -np.inf
    positions, values = top_k(scores, k)
    for row in range(50):
        order = sorted(range(7), key=lambda place: (-scores[row, place], place))[:k]
        expected = [place if np.isfinite(scores[row, place]) else -1 for place in order]
        assert positions[row].tolist() == expected + [-1] * (k - len(order))
        assert values[row, : len(order)].tolist() == scores[row, order].tolist()


def test_ranks_are_places_in_the_sorted_row():
    random = np.random.default_rng(1)
    scores = random.integers(0, 4, size=(20, 9)).astype(np.float32)
    rows, columns = np.arange(20), random.integers(0, 9, 20)
    positions, _ = top_k(scores, 9)
    expected = [positions[row].tolist().index(column) + 1 for row, column in zip(rows, columns, strict=True)]
    assert ranks_of(scores, rows, columns).tolist() == expected
    scores[0, 4] = -np.inf
    assert ranks_of(scores, np.array([0]), np.array([4])).tolist() == [MISS]
