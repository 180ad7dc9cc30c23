"""The contract of every backend."""

import logging

import numpy as np
import pytest

from product_matching.errors import BundleError, ConfigError, DataError
from product_matching.search import ExactIndex, MilvusIndex, ScannIndex, scann_available


@pytest.fixture(scope="module", params=["exact", "scann", "milvus"])
def index(request, vectors):
    if request.param == "exact":
        return ExactIndex.build(vectors)
    if request.param == "milvus":
        pytest.importorskip("milvus_lite")
        return MilvusIndex.build(vectors)
    if not scann_available():
        pytest.skip("scann is not installed")
    return ScannIndex.build(vectors)


def test_size_and_dim(index, vectors):
    assert (index.size, index.dim) == vectors.shape


def test_types_shapes_and_order(index, queries):
    positions, scores = index.search(queries, k=10)
    assert (positions.dtype, scores.dtype) == (np.int64, np.float32)
    assert positions.shape == scores.shape == (200, 10)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_scores_are_inner_products(index, vectors, queries):
    positions, scores = index.search(queries, k=10)
    expected = np.einsum("qd,qkd->qk", queries, vectors[positions])
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_a_vector_finds_itself(index, vectors):
    positions, _ = index.search(vectors[:100], k=1)
    assert (positions[:, 0] == np.arange(100)).mean() >= 0.99


def test_batch_is_one_at_a_time(index, queries):
    positions, scores = index.search(queries, k=5)
    alone = [index.search(query[np.newaxis], k=5) for query in queries]
    same = np.array([np.array_equal(one[0], row) for (one, _), row in zip(alone, positions, strict=True)])
    # ScaNN rounds a batch differently: a leaf on the edge may be searched in one and not in the other.
    assert same.mean() >= (0.97 if isinstance(index, ScannIndex) else 1.0)
    scores_alone = np.concatenate([found for _, found in alone])
    np.testing.assert_allclose(scores_alone[same], scores[same], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_other_floats_and_layouts(index, queries, dtype):
    halves = queries.astype(np.float16)
    expected, _ = index.search(halves.astype(np.float32), k=5)
    assert index.search(np.asfortranarray(halves.astype(dtype)), k=5)[0].tolist() == expected.tolist()
    assert index.search(halves.astype(dtype).tolist(), k=5)[0].tolist() == expected.tolist()


def test_more_than_there_are_is_padded(index, queries):
    positions, scores = index.search(queries[:3], k=index.size + 2)
    assert (positions[:, -2:] == -1).all()
    assert (scores[:, -2:] == -np.inf).all()
    for row in positions[:, :-2]:
        assert np.array_equal(np.sort(row), np.arange(index.size))


def test_many_results_come_back_whole(index, queries):
    positions, _ = index.search(queries[:5], k=1500)
    assert (positions >= 0).all()
    assert all(len(set(row)) == 1500 for row in positions.tolist())


def test_no_query(index):
    positions, scores = index.search(np.empty((0, index.dim)), k=4)
    assert positions.shape == scores.shape == (0, 4)


def test_save_load_and_move(index, queries, tmp_path):
    before = index.search(queries, k=10)
    (tmp_path / "here").mkdir()
    index.save(tmp_path / "here")
    moved = (tmp_path / "here").rename(tmp_path / "there")
    loaded = type(index).load(moved)
    assert (loaded.size, loaded.dim) == (index.size, index.dim)
    after = loaded.search(queries, k=10)
    assert np.array_equal(before[0], after[0])
    np.testing.assert_allclose(before[1], after[1], atol=1e-6)


def test_load_of_nothing(index, tmp_path):
    with pytest.raises(BundleError, match="cannot be read"):
        type(index).load(tmp_path)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (np.zeros((2, 5)), r"queries must have the shape \[N, 32\], not \[2, 5\]"),
        (np.zeros(32), r"not \[32\]"),
        (np.full((1, 32), np.nan), "queries must be finite"),
        ([[1.0], [1.0, 2.0]], "rows of one length"),
        ([["red"] * 32], "queries must be numbers"),
    ],
)
def test_unusable_queries(index, query, message):
    with pytest.raises(DataError, match=message):
        index.search(query, k=1)
    with pytest.raises(ConfigError, match="k must be 1 or more, not 0"):
        index.search(np.zeros((1, 32)), k=0)


def test_building_writes_nothing_to_standard_error(vectors, index, capfd, caplog):
    with caplog.at_level(logging.DEBUG):
        type(index).build(vectors[:1000])
    assert capfd.readouterr().err == ""
