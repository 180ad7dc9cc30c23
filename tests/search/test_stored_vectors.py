"""Vectors kept small, beside numpy and faiss in float32."""

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_matching.errors import BundleError, ConfigError
from product_matching.search import (
    ExactIndex,
    LiveIndex,
    ProductIndex,
    ScannIndex,
    parse_filter,
    scann_available,
    stored_vectors,
)
from product_matching.search.stored_vectors import StoredVectors

SMALL = ["float16", "int8"]
BYTES = {"float32": 128, "float16": 64, "int8": 36}


def by_hand(vectors, kind):
    """What is left of each number: numpy's own half, or int8 codes counted one by one."""
    if kind == "float16":
        return np.array([[float(np.float16(x)) for x in row] for row in vectors])
    kept = []
    for row in vectors:
        scale = max(map(abs, row)) / np.float32(127)
        kept.append([float(scale) * round(float(x / scale)) for x in row])
    return np.array(kept)


@pytest.mark.parametrize("kind", SMALL)
def test_numbers_are_those_counted_by_hand(vectors, kind):
    stored = StoredVectors.encoded(vectors[:50], kind)
    np.testing.assert_allclose(stored[:], by_hand(vectors[:50], kind), atol=1e-6)
    np.testing.assert_array_equal(stored[np.array([3, 1])], stored[:][[3, 1]])
    np.testing.assert_array_equal(stored[3], stored[:][3])
    assert stored[:].dtype == stored[3].dtype == np.float32
    assert stored.bytes_per_vector == BYTES[kind]


@given(st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=3), min_size=1, max_size=8))
def test_an_int8_number_is_off_by_half_a_step_and_coded_again_stays(rows):
    table = np.array(rows, np.float32)
    kept = StoredVectors.encoded(table, "int8")[:]
    steps = np.abs(table.astype(np.float64)).max(axis=1, keepdims=True) / 127
    assert (np.abs(kept - table) <= 0.501 * steps + 1e-30).all()
    np.testing.assert_allclose(StoredVectors.encoded(kept, "int8")[:], kept, rtol=1e-5)


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("rows", [1 << 14, 700])
def test_search_is_a_brute_force_over_what_is_kept(vectors, queries, kind, rows, monkeypatch):
    monkeypatch.setattr(stored_vectors, "BLOCK_ROWS", rows)
    kept = by_hand(vectors, kind).astype(np.float32)
    oracle = faiss.IndexFlatIP(kept.shape[1])
    oracle.add(kept)
    expected_scores, expected = oracle.search(queries, 10)
    positions, scores = ExactIndex.build(vectors, vector_type=kind).search(queries, k=10)
    assert (positions == expected).mean() > 0.999  # two that tie to the last digit may change places
    np.testing.assert_allclose(scores, expected_scores, atol=1e-5)


@pytest.mark.parametrize("kind", SMALL)
def test_a_subset_is_a_loop_over_it(vectors, queries, kind, monkeypatch):
    monkeypatch.setattr(stored_vectors, "BLOCK_ROWS", 500)
    index, kept = ExactIndex.build(vectors, vector_type=kind), by_hand(vectors, kind)
    generator = np.random.default_rng(0)
    # Most of the first blocks, some of the others, none of the last.
    subset = np.flatnonzero(generator.random(2400) < np.repeat([0.9, 0.05], 1200))
    positions, scores = index.search(queries[:20], k=7, subset=subset)
    for query, row, line in zip(queries[:20], positions, scores, strict=True):
        truth = sorted(subset.tolist(), key=lambda place: -float(kept[place] @ query))[:7]
        assert row.tolist() == truth
        np.testing.assert_allclose(line, [kept[place] @ query for place in truth], atol=1e-5)
    few = np.array([5, 2999, 1])
    np.testing.assert_allclose(index.inner(queries[0], few), kept[few] @ queries[0], atol=1e-5)
    many = generator.permutation(3000)[:2000]
    np.testing.assert_allclose(index.inner(queries[0], many), kept[many] @ queries[0], atol=1e-5)
    assert index.search(queries[:1], k=20, subset=np.array([7, 9]))[0][0].tolist()[2:] == [-1] * 18


@pytest.mark.parametrize("kind", SMALL)
def test_what_a_type_costs_in_recall_is_what_numpy_counts(vectors, queries, shop_table, kind, tmp_path):
    index = ProductIndex.build(vectors, shop_table(len(vectors)), backend="exact", vector_type=kind)
    truth = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    found = index.exact.search(queries, 10)[0]
    recall = np.mean([len({*a} & {*b}) / 10 for a, b in zip(truth.tolist(), found.tolist(), strict=True)])
    assert recall > 0.97
    info = index.vector_info
    assert info == {"type": kind, "bytes_per_vector": BYTES[kind], "recall@10": pytest.approx(recall, abs=0.02)}
    index.save(tmp_path / "index")
    loaded = ProductIndex.load(tmp_path / "index")
    assert loaded.vector_info == info
    assert isinstance(loaded.exact.stored.values.base, np.memmap)
    size = sum(path.stat().st_size for path in (tmp_path / "index").glob("vector*"))
    assert size == pytest.approx(BYTES[kind] * len(vectors), abs=300)
    assert loaded.search(queries[0], k=3) == index.search(queries[0], k=3)
    np.testing.assert_allclose(loaded.vectors_of(["p3"]), vectors[3:4], atol=0.01)


@pytest.mark.skipif(not scann_available(), reason="scann is not installed")
@pytest.mark.parametrize("kind", SMALL)
def test_scann_rescores_in_the_small_type_and_scores_are_those_of_the_vectors_kept(
    vectors, queries, shop_table, kind, tmp_path
):
    backend = ScannIndex.build(vectors, vector_type=kind)
    assert backend.info["recall@10"] >= 0.96
    backend.save(tmp_path / "scann")
    assert not (tmp_path / "scann" / "dataset.npy").exists()
    np.testing.assert_array_equal(
        ScannIndex.load(tmp_path / "scann").search(queries, 10)[0], backend.search(queries, 10)[0]
    )
    index = ProductIndex.build(vectors, shop_table(len(vectors)), backend="scann", vector_type=kind)
    kept = by_hand(vectors, kind)
    for query, hits in zip(queries[:20], index.search(queries[:20], k=10), strict=True):
        expected = [kept[int(hit.product_id[1:])] @ query for hit in hits]
        np.testing.assert_allclose([hit.score for hit in hits], expected, atol=1e-5)
        assert expected == sorted(expected, reverse=True)
    (hits,) = index.search(queries[0], k=3, filters=[parse_filter("price=2901..2903")])
    assert {hit.product_id for hit in hits} == {"p2901", "p2902", "p2903"}


@pytest.mark.skipif(not scann_available(), reason="scann is not installed")
def test_a_recall_that_int8_cannot_reach_does_not_cost_a_search_of_everything():
    # So near to each other that codes of a byte mix them up.
    generator = np.random.default_rng(0)
    near = np.ones((3000, 32)) + 0.01 * generator.normal(size=(3000, 32))
    near = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    info = ScannIndex.build(near, vector_type="int8", target_recall=0.999).info
    assert info["recall@10"] >= info["target_recall"]
    assert info["target_recall"] < 0.9
    assert info["reorder"] < 3000


@pytest.mark.parametrize("kind", SMALL)
def test_a_live_index_keeps_the_type_when_it_is_built_anew(vectors, shop_table, kind):
    live = LiveIndex(ProductIndex.build(vectors[:60], shop_table(60), vector_type=kind))
    before = live.snapshot.base.exact.rows(np.arange(1, 60))
    live.put([("new", vectors[100], {"title": "杯子"})])
    live.delete(["p0"])
    live.rebuild()
    after = live.snapshot.base
    assert after.vector_info["type"] == kind
    np.testing.assert_allclose(after.vectors_of([f"p{n}" for n in range(1, 60)]), before, rtol=1e-5, atol=1e-7)
    assert live.search(vectors[100], k=1)[0].product_id == "new"


def test_an_unknown_type_is_named(vectors):
    with pytest.raises(ConfigError, match=r"Unknown type of vectors 'float61'. Did you mean 'float16'\?"):
        ExactIndex.build(vectors, vector_type="float61")


def test_scales_that_do_not_belong_are_refused(vectors, tmp_path):
    ExactIndex.build(vectors, vector_type="int8").save(tmp_path)
    np.save(tmp_path / "vector_scales.npy", np.ones(5, np.float32))
    with pytest.raises(BundleError, match=r"must hold float32 \[3000\], not float32 \[5\]"):
        ExactIndex.load(tmp_path)
    (tmp_path / "vector_scales.npy").unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        ExactIndex.load(tmp_path)
