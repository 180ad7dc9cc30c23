import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, P, nDCG

from product_matching.errors import ConfigError, DataError
from product_matching.metrics import list_metrics


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 6), st.booleans())
def test_agrees_with_ir_measures(seed, items, kinds, itself):
    rng = np.random.default_rng(seed)
    # Whole numbers make ties.
    gallery = rng.integers(-1, 2, (items, 4)).astype(np.float32)
    kind = rng.integers(kinds, size=items)
    rows = rng.integers(items, size=5)
    relevant = [np.flatnonzero(kind == kind[row]) for row in rows]
    left_out = [[row] for row in rows] if itself else None
    scores = gallery[rows] @ gallery.T
    qrels, run = {}, {}
    for query, row in enumerate(rows):
        kept = [i for i in range(items) if not (itself and i == row)]
        ranked = sorted(kept, key=lambda i: (-scores[query, i], i))
        wanted = {f"d{i}": 1 for i in relevant[query] if i in kept}
        if wanted:
            qrels[f"q{query}"] = wanted
            run[f"q{query}"] = {f"d{i}": -float(rank) for rank, i in enumerate(ranked)}
    if not qrels:
        with pytest.raises(DataError, match="No query"):
            list_metrics(gallery[rows], gallery, relevant, left_out=left_out)
        return
    found = list_metrics(gallery[rows], gallery, relevant, left_out=left_out, chunk=2)
    theirs = ir_measures.calc_aggregate([P @ 1, P @ 10, nDCG @ 10, RR], qrels, run)
    ours = [found[name] for name in ("precision@1", "precision@10", "ndcg@10", "mrr")]
    assert ours == pytest.approx([theirs[name] for name in (P @ 1, P @ 10, nDCG @ 10, RR)], abs=1e-9)
    assert (found["queries"], found["gallery"]) == (len(qrels), items)


def test_expected_is_what_a_random_order_finds():
    rng = np.random.default_rng(0)
    relevant = [np.arange(20)] * 400
    found = list_metrics(rng.normal(size=(400, 8)), rng.normal(size=(100, 8)), relevant)
    assert found["expected"] == pytest.approx(0.2)
    assert found["precision@10"] == pytest.approx(0.2, abs=0.05)


def test_unusable_input():
    with pytest.raises(DataError, match="do not fit"):
        list_metrics(np.ones((2, 3)), np.ones((4, 3)), [[0]])
    with pytest.raises(ConfigError, match="k and chunk"):
        list_metrics(np.ones((1, 3)), np.ones((4, 3)), [[0]], k=0)
