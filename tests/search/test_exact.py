import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_matching.errors import BundleError, DataError
from product_matching.search import ExactIndex
from product_matching.search import exact as exact_module


def naive(vectors, queries, k, subset=None):
    allowed = range(len(vectors)) if subset is None else subset
    rows = []
    for query in queries:
        best = sorted((-float(vectors[item] @ query), item) for item in allowed)[:k]
        rows.append([item for _, item in best] + [-1] * (k - len(best)))
    return rows


def whole_numbers(seed, size, dim=3):
    """Small whole numbers: sums are exact and ties many."""
    return np.random.default_rng(seed).integers(-2, 3, size=(size, dim)).astype(np.float32)


@given(st.integers(0, 9999), st.integers(1, 30), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_agrees_with_a_loop_ties_and_all(seed, size, k):
    vectors, queries = whole_numbers(seed, size), whole_numbers(seed + 1, 4)
    assert ExactIndex.build(vectors).search(queries, k)[0].tolist() == naive(vectors, queries, k)


@given(st.integers(0, 9999), st.integers(1, 12), st.data())
@settings(max_examples=100, deadline=None)
def test_subset_agrees_with_a_loop(seed, k, data):
    subset = sorted(data.draw(st.sets(st.integers(0, 19))))
    vectors, queries = whole_numbers(seed, 20), whole_numbers(seed + 1, 3)
    positions, scores = ExactIndex.build(vectors).search(queries, k, subset=np.array(subset, dtype=np.int64))
    assert positions.tolist() == naive(vectors, queries, k, subset)
    assert ((scores == -np.inf) == (positions == -1)).all()


def test_agrees_with_faiss(vectors, queries):
    oracle = faiss.IndexFlatIP(vectors.shape[1])
    oracle.add(vectors)
    expected_scores, expected = oracle.search(queries, 10)
    positions, scores = ExactIndex.build(vectors).search(queries, k=10)
    assert np.array_equal(positions, expected)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-5)


def test_blocks_change_nothing(vectors, queries, monkeypatch):
    index = ExactIndex.build(vectors)
    whole = index.search(queries, k=5)
    monkeypatch.setattr(exact_module, "BLOCK_SCORES", 7 * len(vectors))
    assert np.array_equal(index.search(queries, k=5)[0], whole[0])


def test_constant_scores_come_by_position():
    positions, _ = ExactIndex.build(np.ones((50, 2))).search(np.ones((1, 2)), k=4)
    assert positions.tolist() == [[0, 1, 2, 3]]


def test_empty_index_gives_padding():
    positions, scores = ExactIndex.build(np.empty((0, 2))).search([[1, 2]], k=2)
    assert positions.tolist() == [[-1, -1]]
    assert np.isneginf(scores).all()


def test_loaded_vectors_are_mapped_not_read(vectors, tmp_path):
    ExactIndex.build(vectors).save(tmp_path)
    loaded = ExactIndex.load(tmp_path).vectors
    assert type(loaded) is np.ndarray
    assert isinstance(loaded.base, np.memmap)


def test_damaged_files(vectors, tmp_path):
    path = tmp_path / "vectors.npy"
    np.save(path, vectors.astype(np.float64))
    with pytest.raises(BundleError, match=r"must hold float32, float16, int8 \[N, D\], not float64"):
        ExactIndex.load(tmp_path)
    ExactIndex.build(vectors).save(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BundleError, match="cannot be read"):
        ExactIndex.load(tmp_path)
    np.save(path, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(BundleError, match="cannot be read"):
        ExactIndex.load(tmp_path)


def test_unusable_vectors_and_subsets(vectors):
    with pytest.raises(DataError, match="vectors must be finite"):
        ExactIndex.build([[1.0, np.inf]])
    with pytest.raises(DataError, match="vectors must have the shape"):
        ExactIndex.build([1.0, 2.0])
    with pytest.raises(DataError, match="positions from 0 to 2999"):
        ExactIndex.build(vectors).search(vectors[:1], k=1, subset=np.array([3000]))
