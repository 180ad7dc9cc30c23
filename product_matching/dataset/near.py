"""Pairs that are alike, found without comparing everything with everything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from product_matching._types import IntArray


def candidate_pairs(keys: np.ndarray, order: np.ndarray, *, window: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs of rows that share a key, a few at a time.

    Rows of one key are sorted by `order`, and each is paired with the `window` that follow it: all pairs of a key that
    no more than `window + 1` rows have; of a more crowded one those whose order is near. So N rows give at most
    N x window pairs, however many share a key.

    Args:
        keys: Integers [N].
        order: Integers [N].
        window: How far apart in the order two of a pair may stand.

    Yields:
        Left and right rows, int64 [P] each.
    """
    rows = np.lexsort((order, keys))
    keys = keys[rows]
    left = np.arange(len(rows))
    for distance in range(1, window + 1):
        left = left[left + distance < len(rows)]
        left = left[keys[left] == keys[left + distance]]
        if not len(left):
            return
        yield rows[left], rows[left + distance]


def connected(count: int, left: IntArray, right: IntArray) -> IntArray:
    """Labels of the sets that the pairs join (union-find): int64 [count], equal for rows of one set."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(count, count))
    return connected_components(links, directed=False)[1].astype(np.int64)


def sets_of_two_or_more(labels: IntArray) -> list[IntArray]:
    """The rows of each label that more than one row has, the largest sets first."""
    order = np.argsort(labels, kind="stable")
    cuts = np.flatnonzero(np.diff(labels[order])) + 1
    found = [rows for rows in np.split(order, cuts) if len(rows) > 1]
    return sorted(found, key=lambda rows: (-len(rows), int(rows[0])))
