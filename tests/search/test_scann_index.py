import json
import subprocess
import sys

import numpy as np
import pytest

from product_matching.errors import BundleError, DataError, MissingExtraError
from product_matching.search import ExactIndex, ScannIndex, scann_available

pytestmark = pytest.mark.skipif(not scann_available(), reason="scann is not installed")


@pytest.fixture(scope="module")
def index(vectors):
    return ScannIndex.build(vectors)


def recall(index, vectors, queries, k=10):
    truth, _ = ExactIndex.build(vectors).search(queries, k)
    found, _ = index.search(queries, k)
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(truth.tolist(), found.tolist(), strict=True)])


def test_recall_against_exact_search(index, vectors, queries):
    assert recall(index, vectors, queries) >= 0.95
    assert recall(index, vectors, queries, k=100) >= 0.9


def test_tuned_figures_are_recorded(index):
    assert index.info["recall@10"] >= index.info["target_recall"] == 0.97
    assert 1 <= index.info["leaves_to_search"] <= index.info["leaves"] == 55
    assert index.info["reorder"] >= 10
    assert json.loads(json.dumps(index.info)) == index.info


def test_hard_vectors_get_more_work():
    # Without clusters the leaves say little: the tuner must look into most of them.
    noise = np.random.default_rng(0).normal(size=(2000, 32)).astype(np.float32)
    index = ScannIndex.build(noise, target_recall=0.99)
    assert index.info["recall@10"] >= 0.99
    assert recall(index, noise, np.random.default_rng(1).normal(size=(200, 32))) >= 0.9


def test_tuned_on_given_queries(vectors):
    queries = np.random.default_rng(0).normal(size=(50, 32))
    index = ScannIndex.build(vectors, tuning_queries=queries)
    assert recall(index, vectors, queries) == pytest.approx(index.info["recall@10"])


def test_leaves_too_small_for_k_are_left_for_all_of_them(vectors):
    index = ScannIndex.build(vectors)
    index.info["leaves_to_search"] = 1
    positions, scores = index.search(vectors[:3], k=400)
    assert (positions >= 0).all()
    assert np.isfinite(scores).all()


def test_duplicates_do_not_break_it():
    index = ScannIndex.build(np.ones((1200, 4)))
    positions, scores = index.search(np.ones((2, 4)), k=5)
    assert (scores == 4).all()
    assert (np.diff(positions, axis=1) > 0).all()


def test_too_few_vectors(vectors):
    with pytest.raises(DataError, match="ScaNN needs 1000 vectors or more, not 999"):
        ScannIndex.build(vectors[:999])


def test_damaged_files(index, tmp_path):
    index.save(tmp_path)
    meta = json.loads((tmp_path / "scann_index.json").read_text())
    (tmp_path / "scann_index.json").write_text(json.dumps({**meta, "size": 7}))
    with pytest.raises(BundleError, match="holds 3000 vectors, not 7"):
        ScannIndex.load(tmp_path)
    (tmp_path / "scann_index.json").write_text(json.dumps({**meta, "info": {}}))
    with pytest.raises(BundleError, match="cannot be read"):
        ScannIndex.load(tmp_path)
    (tmp_path / "scann_index.json").write_text(json.dumps(meta))
    (tmp_path / "ah_codebook.pb").write_bytes(b"xx")
    with pytest.raises(BundleError, match="cannot be read"):
        ScannIndex.load(tmp_path)


def test_a_pickle_in_the_folder_is_not_opened(index, tmp_path):
    index.save(tmp_path)
    (tmp_path / "scann_docids.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(BundleError, match="is not opened"):
        ScannIndex.load(tmp_path)


def test_missing_library_is_named(vectors, monkeypatch):
    monkeypatch.setitem(sys.modules, "scann.scann_ops.py", None)
    with pytest.raises(MissingExtraError, match="pip install scann"):
        ScannIndex.build(vectors)


def test_importing_search_loads_neither_scann_nor_tensorflow():
    code = (
        "import sys, product_matching.search as s; s.scann_available(); "
        "print([name for name in ('scann', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
