import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_matching.errors import ConfigError, DataError
from product_matching.metrics import (
    RelevantRanks,
    first_relevant_rank,
    mrr,
    ndcg_at,
    precision_at,
    ranked_average_precision,
    recall_at,
    reciprocal_rank,
)

RANKS = st.lists(st.sets(st.integers(1, 30), min_size=1, max_size=8).map(sorted), min_size=1, max_size=6)


def test_hand_counted():
    ranks = RelevantRanks.from_lists([[2, 4], [], [1], [11]])
    assert len(ranks) == 3
    assert ranks.queries.tolist() == [0, 2, 3]
    assert ranks.counts.tolist() == [2, 1, 1]
    assert first_relevant_rank(ranks).tolist() == [2, 1, 11]
    assert recall_at(ranks, 1).tolist() == [0, 1, 0]
    assert recall_at(ranks, 2).tolist() == [1, 1, 0]
    assert mrr(ranks) == pytest.approx((1 / 2 + 1 + 1 / 11) / 3)
    gain = (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
    assert ndcg_at(ranks, 10).tolist() == pytest.approx([gain, 1, 0])


@given(RANKS, st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_agrees_with_a_loop(lists, k):
    ranks = RelevantRanks.from_lists(lists)
    for row, wanted in enumerate(lists):
        gain = sum(1 / math.log2(rank + 1) for rank in wanted if rank <= k)
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
        assert ndcg_at(ranks, k)[row] == pytest.approx(gain / ideal)
        assert recall_at(ranks, k)[row] == any(rank <= k for rank in wanted)
        assert reciprocal_rank(ranks)[row] == 1 / min(wanted)


def test_perfect_ranking_is_one_at_every_cut():
    ranks = RelevantRanks.from_lists([range(1, 4), range(1, 21)])
    for k in (1, 2, 5, 10, 50):
        assert ndcg_at(ranks, k).tolist() == pytest.approx([1, 1])


def test_order_within_a_query_does_not_matter():
    one, other = RelevantRanks.from_lists([[5, 2, 9]]), RelevantRanks.from_lists([[9, 5, 2]])
    assert np.array_equal(one.ranks, other.ranks)


def test_unusable_input():
    with pytest.raises(DataError, match="No query has a relevant item"):
        RelevantRanks.from_lists([[], []])
    with pytest.raises(DataError, match="count from 1; one of them is 0"):
        RelevantRanks.from_lists([[1], [0, 2]])
    with pytest.raises(ConfigError, match="k must be 1 or more"):
        recall_at(RelevantRanks.from_lists([[1]]), 0)


@given(RANKS, st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_precision_and_map_equal_ir_measures(lists, k):
    gallery = [f"d{place:02}" for place in range(1, 31)]
    qrels = {f"q{row}": {gallery[rank - 1]: 1 for rank in wanted} for row, wanted in enumerate(lists)}
    run = {query: {item: 1 / (place + 1) for place, item in enumerate(gallery)} for query in qrels}
    ranks = RelevantRanks.from_lists(lists)
    for measure, found in {
        ir_measures.P @ k: precision_at(ranks, k),
        ir_measures.AP: ranked_average_precision(ranks),
    }.items():
        expected = {row.query_id: row.value for row in measure.iter_calc(qrels, run)}
        assert found.tolist() == pytest.approx([expected[query] for query in qrels], abs=1e-9)
