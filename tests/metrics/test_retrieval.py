import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, Success, nDCG

from product_matching.errors import ConfigError, DataError
from product_matching.metrics import query_ranks, recall_at, reciprocal_rank, retrieval_metrics, search_all
from product_matching.metrics.searching import SORT_FROM


def shop(seed, queries=30, items=80, groups=20, whole=False):
    """Random vectors in groups that repeat; whole numbers make ties, and exact sums."""
    generator = np.random.default_rng(seed)
    draw = (lambda size: generator.integers(-1, 2, size=size)) if whole else (lambda size: generator.normal(size=size))
    return {
        "queries": draw((queries, 6)).astype(np.float32),
        "gallery": draw((items, 6)).astype(np.float32),
        "query_groups": generator.integers(groups, size=queries),
        "gallery_groups": generator.integers(groups, size=items),
    }


def sorted_ranks(queries, gallery, query_groups, gallery_groups):
    """The naive way: sort every row, walk down, note where the relevant items stand."""
    lists = []
    for vector, group in zip(queries, query_groups, strict=True):
        order = sorted(range(len(gallery)), key=lambda item: (-float(gallery[item] @ vector), item))
        lists.append([rank for rank, item in enumerate(order, 1) if gallery_groups[item] == group])
    return lists


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("whole", [False, True])
def test_agrees_with_ir_measures(seed, whole):
    data = shop(seed, whole=whole)
    scores = data["queries"] @ data["gallery"].T
    relevant = data["query_groups"][:, None] == data["gallery_groups"]
    qrels = {f"q{q}": {f"d{d}": 1 for d in np.flatnonzero(row)} for q, row in enumerate(relevant) if row.any()}
    # Ties are broken beforehand: the score handed over is minus the rank.
    ranks = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    run = {f"q{q}": {f"d{d}": -float(rank) for d, rank in enumerate(row)} for q, row in enumerate(ranks)}
    wanted = [RR, nDCG @ 10, Success @ 1, Success @ 5, Success @ 10]
    oracle = ir_measures.calc_aggregate(wanted, qrels, {query: run[query] for query in qrels})
    result = retrieval_metrics(**data)
    assert result["queries"] == len(qrels)
    assert [result[key] for key in ("mrr", "ndcg@10", "recall@1", "recall@5", "recall@10")] == pytest.approx(
        [oracle[measure] for measure in wanted]
    )


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 50), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_ranks_agree_with_sorting(seed, queries, items, groups):
    # With few groups, queries have more relevant items than SORT_FROM and fewer.
    data = shop(seed, queries, items, groups, whole=True)
    expected = [ranks for ranks in sorted_ranks(**data) if ranks]
    if not expected:
        with pytest.raises(DataError, match="No query"):
            query_ranks(**data)
        return
    ranks = query_ranks(**data)
    for row, wanted in enumerate(expected):
        assert ranks.ranks[ranks.offsets[row] : ranks.offsets[row + 1]].tolist() == wanted


def test_many_relevant_items_and_ties_agree_with_sorting():
    data = shop(1, queries=3, items=600, groups=2, whole=True)
    ranks = query_ranks(**data)
    assert ranks.counts.min() > SORT_FROM
    assert ranks.ranks.tolist() == [rank for row in sorted_ranks(**data) for rank in row]


def test_hand_counted():
    result = retrieval_metrics(
        [[1, 0], [0, 1], [1, 1]],
        [[1, 0], [0.5, 0.9], [0, 1]],
        query_groups=[7, 8, 99],
        gallery_groups=[7, 7, 8],
        ks=(1, 2),
    )
    # The first finds its own at 1 and 2, the second at 1; the third product is not in the gallery.
    assert result == {"recall@1": 1, "recall@2": 1, "mrr": 1, "ndcg@10": 1, "queries": 2, "gallery": 3}
    assert isinstance(result["queries"], int)


@pytest.mark.parametrize("chunk", [1, 7, 30, 1000])
def test_chunks_change_nothing(chunk):
    data = shop(5, whole=True)
    assert retrieval_metrics(**data, chunk=chunk) == retrieval_metrics(**data)


def test_order_of_queries_changes_nothing():
    data = shop(6, whole=True)
    order = np.random.default_rng(0).permutation(30)
    shuffled = {**data, "queries": data["queries"][order], "query_groups": data["query_groups"][order]}
    assert retrieval_metrics(**shuffled) == pytest.approx(retrieval_metrics(**data))


@pytest.mark.parametrize("ties", ["order", "random"])
def test_first_results_and_leads_agree_with_a_naive_loop(ties):
    data = shop(8, groups=4)
    found = search_all(**data, chunk=7, ties=ties)
    scores = data["queries"] @ data["gallery"].T
    assert (found.first == scores.argmax(axis=1)[found.ranks.queries]).all()
    wanted = (data["query_groups"][:, None] == data["gallery_groups"])[found.ranks.queries]
    leads = [
        line[mask].max() - line[~mask].max() for line, mask in zip(scores[found.ranks.queries], wanted, strict=True)
    ]
    np.testing.assert_allclose(found.leads, leads, atol=1e-5)
    assert min(leads) < 0 < max(leads)
    alone = search_all([[1.0]], [[2.0]], query_groups=[0], gallery_groups=[0])
    assert (alone.first.tolist(), alone.leads.tolist()) == ([0], [0.0])


def test_ties_in_order_follow_the_gallery():
    ones = np.ones((4, 2))
    ranks = query_ranks(ones, ones, query_groups=range(4), gallery_groups=range(4))
    assert ranks.ranks.tolist() == [1, 2, 3, 4]


def test_random_ties_do_not_favour_the_first_of_the_gallery():
    # Every item ties, and what the queries want stands in front: order would reward no skill.
    gallery, queries = np.ones((400, 2)), np.ones((4, 2))
    groups = {"query_groups": range(4), "gallery_groups": range(400)}
    assert retrieval_metrics(queries, gallery, **groups)["recall@5"] == 1.0
    means = [
        recall_at(query_ranks(queries, gallery, **groups, ties="random", seed=seed), 40).mean() for seed in range(100)
    ]
    assert np.mean(means) == pytest.approx(0.1, abs=0.05)
    fixed = [retrieval_metrics(queries, gallery, **groups, ties="random", seed=3) for _ in range(2)]
    assert fixed[0] == fixed[1]


def test_random_ties_leave_clear_scores_alone():
    data = shop(7)
    assert retrieval_metrics(**data, ties="random") == pytest.approx(retrieval_metrics(**data))


def test_groups_may_be_names():
    ranks = query_ranks([[1.0]], [[1.0], [2.0]], query_groups=["鞋"], gallery_groups=["鞋", "帽"])
    assert reciprocal_rank(ranks).tolist() == [0.5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": np.zeros((0, 6))}, "queries must be a non-empty"),
        ({"gallery": np.zeros((0, 6))}, "gallery must be a non-empty"),
        ({"queries": np.zeros((30, 5))}, "queries have 5 dimensions and the gallery 6"),
        ({"query_groups": np.zeros(3)}, r"queries has 30 rows, but its groups have the shape \(3,\)"),
        ({"gallery_groups": np.zeros(3)}, "gallery has 80 rows"),
        ({"gallery": np.full((80, 6), math.nan)}, r"gallery\[0, 0\] is nan"),
        ({"queries": np.full((30, 6), 1e30), "gallery": np.full((80, 6), 1e30)}, "score is not finite"),
        ({"query_groups": np.full(30, -1)}, "No query has a relevant item"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in matmul")
def test_unusable_input_is_named(change, message):
    with pytest.raises(DataError, match=message):
        retrieval_metrics(**{**shop(0), **change})


def test_wrong_options():
    with pytest.raises(ConfigError, match="Unknown ties 'randon'"):
        retrieval_metrics(**shop(0), ties="randon")
    with pytest.raises(ConfigError, match="chunk"):
        retrieval_metrics(**shop(0), chunk=0)
    with pytest.raises(ConfigError, match="k must be"):
        retrieval_metrics(**shop(0), ks=(0,))
