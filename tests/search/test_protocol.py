import numpy as np

from product_matching.search.protocol import as_queries, as_vectors, in_order


def test_candidates_are_sorted_cut_and_padded():
    positions, scores = np.array([[7, 2, -1, 5]]), np.array([[1, 3, -np.inf, 3]], dtype=np.float32)
    assert in_order(positions, scores, 3)[0].tolist() == [[2, 5, 7]]
    found, values = in_order(positions, scores, 6)
    assert found.tolist() == [[2, 5, 7, -1, -1, -1]]
    assert values.tolist() == [[3, 3, 1, -np.inf, -np.inf, -np.inf]]
    assert (found.dtype, values.dtype) == (np.int64, np.float32)


def test_equal_scores_come_by_position():
    positions = np.array([[3, 1, 2, 0]])
    assert in_order(positions, np.zeros((1, 4), dtype=np.float32), 4)[0].tolist() == [[0, 1, 2, 3]]


def test_fitting_vectors_are_not_copied():
    vectors = np.ones((3, 2), dtype=np.float32)
    assert np.shares_memory(as_vectors(vectors), vectors)
    assert as_queries([1, 2], 2).shape == (1, 2)
