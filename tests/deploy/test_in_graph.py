"""The SavedModel with the index inside, in a process that knows nothing of this package."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from product_matching.bundle import load_bundle
from product_matching.cli import main
from product_matching.deploy import export_search
from product_matching.search import ProductIndex, scann_available

pytestmark = pytest.mark.slow

FRESH_PROCESS = """
import json, sys
import tensorflow as tf, tensorflow_text
if sys.argv[1] == "scann":
    from scann.scann_ops.py import scann_ops
asked = json.load(open(sys.argv[2]))
models = {name: tf.saved_model.load(folder) for name, folder in asked["models"].items()}
assert "product_matching" not in sys.modules
found = {}
for name, model in models.items():
    search, near = model.signatures["search"], model.signatures["search_vectors"]
    for k in (1, 7, 50, 5000):
        by_text = search(text=tf.constant(asked["text"]), k=tf.constant(k))
        by_vector = near(vector=tf.constant(asked["vector"], tf.float32), k=tf.constant(k))
        found[f"{name} text {k}"] = [[i.decode() for i in row] for row in by_text["product_id"].numpy()]
        found[f"{name} vector {k}"] = [[i.decode() for i in row] for row in by_vector["product_id"].numpy()]
        found[f"{name} score {k}"] = by_vector["score"].numpy().tolist()
json.dump(found, open(sys.argv[3], "w"))
"""
TEXTS = ["red striped mug", "红色马克杯", "zxqv 123"]
CASES = {  # backend and type of vectors, what searches in the graph, seed of the vectors
    "exact int8": ("exact", "int8", "exact", 2),
    "scann": ("scann", "float32", "scann", 2),
    # A second model in the same process must search its own vectors.
    "scann int8": ("scann", "int8", "scann", 3),
}


def clustered(size, dim, seed):
    generator = np.random.default_rng(seed)
    middle = np.random.default_rng(1).normal(size=(30, dim))
    vectors = middle[generator.integers(30, size=size)] + 0.6 * generator.normal(size=(size, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def found(tiny_bundle, tmp_path_factory):
    """The indexes, and what a fresh process found in their SavedModels."""
    root = tmp_path_factory.mktemp("graphs")
    cases = {name: case for name, case in CASES.items() if case[0] == "exact" or scann_available()}
    indexes, folders = {}, {}
    for name, (backend, vector_type, inside, seed) in cases.items():
        bundle = load_bundle(shutil.copytree(tiny_bundle, root / name))
        vectors = clustered(1500, bundle.manifest["dim"], seed)
        table = pd.DataFrame({"product_id": [f"杯{seed}-{n}" for n in range(1500)], "title": "mug"})
        indexes[name] = ProductIndex.build(vectors, table, backend=backend, vector_type=vector_type)
        indexes[name].save(bundle.index_folder)
        folders[name] = str(export_search(bundle, indexes[name]))
        assert json.loads((Path(folders[name]) / "search.json").read_text())["backend"] == inside
    queries = clustered(20, bundle.manifest["dim"], 9)
    asked = {"models": folders, "text": TEXTS, "vector": queries.tolist()}
    (root / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    words = ["scann" if scann_available() else "exact", str(root / "asked.json"), str(root / "found.json")]
    subprocess.run([sys.executable, "-I", "-c", FRESH_PROCESS, *words], check=True, cwd=root)
    answers = json.loads((root / "found.json").read_text(encoding="utf-8"))
    return indexes, {"text": bundle.encoders.embed_text(TEXTS), "vector": queries}, answers


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("k", [1, 7, 50, 5000])
def test_a_fresh_process_finds_what_python_finds(found, name, k):
    indexes, queries, answers = found
    if name not in indexes:
        pytest.skip("scann is not installed")
    index = indexes[name]
    backend = index.exact if CASES[name][2] == "exact" else index.backend
    for kind, vectors in queries.items():
        positions, scores = backend.search(vectors, min(k, 1500))
        got, wanted = answers[f"{name} {kind} {k}"], [[index.product_ids[at] for at in row] for row in positions]
        assert [len(row) for row in got] == [len(row) for row in wanted]
        pairs = [pair for rows in zip(got, wanted, strict=True) for pair in zip(*rows, strict=True)]
        # Two that tie to the last digit may change places.
        assert np.mean([a == b for a, b in pairs]) > 0.99
    np.testing.assert_allclose(answers[f"{name} score {k}"], scores, atol=1e-4)


def test_the_command_writes_it_and_a_new_index_takes_it_away(tiny_bundle, tiny_shop, tmp_path, capsys):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    asked = ["index", str(bundle), str(tiny_shop.catalog), "--in-graph", "--vectors", "int8", "--json"]
    assert main(asked) == 0
    result = json.loads(capsys.readouterr().out)
    assert (bundle / "index" / "saved_model" / "saved_model.pb").is_file()
    assert result["saved_model"] == str(bundle / "index" / "saved_model")
    assert result["vectors"]["type"] == "int8"
    ProductIndex.load(bundle / "index").save(bundle / "index")
    assert not (bundle / "index" / "saved_model").exists()
