"""One-to-one: of the pairs in question, those that together are worth most, no product twice."""

from __future__ import annotations

import numpy as np

from product_matching._types import FloatArray, IntArray

LARGEST = 4_000_000
"""Cells of a cluster's table that is still solved exactly; a larger one is solved greedily, best pair first."""


def one_to_one(pairs: IntArray, values: FloatArray) -> IntArray:
    """Chooses pairs so that the sum of their values is the largest and no product is in two of them.

    Products that hang together by pairs form clusters, and each cluster is an assignment problem of its own (Kuhn 1955;
    scipy's `linear_sum_assignment`): small, where all products together would not fit into memory.

    Args:
        pairs: int64 [M, 2], each pair once.
        values: float [M], above 0; a pair that is not there is worth 0.

    Returns:
        Positions of the chosen pairs, ascending: int64 [C].
    """
    if not len(pairs):
        return np.zeros(0, np.int64)
    order = np.argsort(_clusters(pairs), kind="stable")
    borders = np.flatnonzero(np.diff(_clusters(pairs)[order])) + 1
    chosen = [rows[_solve(pairs[rows], values[rows])] for rows in np.split(order, borders)]
    return np.sort(np.concatenate(chosen))


def _clusters(pairs: IntArray) -> np.ndarray:
    """The number of each pair's cluster."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    left, right = pairs.T
    size = left.max() + 1
    total = size + right.max() + 1
    graph = sparse.coo_matrix((np.ones(len(pairs)), (left, size + right)), shape=(total, total))
    return connected_components(graph, directed=False)[1][left]


def _solve(pairs: IntArray, values: FloatArray) -> IntArray:
    if len(pairs) == 1:
        return np.array([0])
    (rows, left), (columns, right) = (np.unique(side, return_inverse=True) for side in pairs.T)
    if len(rows) * len(columns) > LARGEST:
        return _greedy(left, right, values)
    from scipy.optimize import linear_sum_assignment

    worth = np.zeros((len(rows), len(columns)))
    position = np.full(worth.shape, -1)
    worth[left, right], position[left, right] = values, np.arange(len(pairs))
    found = position[linear_sum_assignment(worth, maximize=True)]
    return found[found >= 0]


def _greedy(left: IntArray, right: IntArray, values: FloatArray) -> IntArray:
    taken: tuple[set[int], set[int]] = set(), set()
    chosen = []
    for at in np.argsort(-values, kind="stable"):
        if left[at] not in taken[0] and right[at] not in taken[1]:
            taken[0].add(left[at])
            taken[1].add(right[at])
            chosen.append(at)
    return np.array(chosen)
