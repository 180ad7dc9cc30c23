"""The SavedModel with the index inside, in a process that knows nothing of this package."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from product_matching.bundle import load_bundle
from product_matching.cli import main
from product_matching.deploy import export_search
from product_matching.search import ProductIndex, scann_available

FRESH_PROCESS = """
import json, sys
import numpy as np, tensorflow as tf, tensorflow_text
if sys.argv[1] == "scann":
    from scann.scann_ops.py import scann_ops
model, other = (tf.saved_model.load(folder) for folder in sys.argv[2:4])
assert "product_matching" not in sys.modules
asked = json.load(open(sys.argv[4]))
found = {}
for name, loaded in (("model", model), ("other", other)):
    search, near = loaded.signatures["search"], loaded.signatures["search_vectors"]
    for k in (1, 7, 50, 5000):
        by_text = search(text=tf.constant(asked["text"]), k=tf.constant(k))
        by_vector = near(vector=tf.constant(asked["vector"], tf.float32), k=tf.constant(k))
        found[f"{name} text {k}"] = [[i.decode() for i in row] for row in by_text["product_id"].numpy()]
        found[f"{name} vector {k}"] = [[i.decode() for i in row] for row in by_vector["product_id"].numpy()]
        found[f"{name} score {k}"] = by_vector["score"].numpy().tolist()
json.dump(found, open(sys.argv[5], "w"))
"""
TEXTS = ["red striped mug", "红色马克杯", "zxqv 123"]


def clustered(size, dim, seed):
    generator = np.random.default_rng(seed)
    middle = np.random.default_rng(1).normal(size=(30, dim))
    vectors = middle[generator.integers(30, size=size)] + 0.6 * generator.normal(size=(size, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def made(bundle, folder, backend, vector_type, seed):
    """A bundle with an index of 1,500 products and its SavedModel."""
    shutil.copytree(bundle, folder)
    bundle = load_bundle(folder)
    import pandas as pd

    vectors = clustered(1500, bundle.manifest["dim"], seed)
    table = pd.DataFrame({"product_id": [f"杯{seed}-{n}" for n in range(1500)], "title": "mug"})
    index = ProductIndex.build(vectors, table, backend=backend, vector_type=vector_type)
    index.save(bundle.index_folder)
    return bundle, index, export_search(bundle, index)


@pytest.mark.parametrize(
    ("backend", "vector_type", "inside"),
    [
        *[("exact", "float32", "exact"), ("exact", "int8", "exact"), ("scann", "float16", "exact")],
        *[("scann", "float32", "scann"), ("scann", "int8", "scann")],
    ],
)
def test_a_fresh_process_finds_what_python_finds(tiny_bundle, tmp_path, backend, vector_type, inside):
    if backend == "scann" and not scann_available():
        pytest.skip("scann is not installed")
    bundle, index, folder = made(tiny_bundle, tmp_path / "a", backend, vector_type, seed=2)
    # A second model in the same process must search its own vectors.
    _, other_index, other = made(tiny_bundle, tmp_path / "b", backend, vector_type, seed=3)
    assert json.loads((folder / "search.json").read_text())["backend"] == inside
    vectors = clustered(20, bundle.manifest["dim"], 9)
    (tmp_path / "asked.json").write_text(json.dumps({"text": TEXTS, "vector": vectors.tolist()}), encoding="utf-8")
    words = [inside, str(folder), str(other), str(tmp_path / "asked.json"), str(tmp_path / "found.json")]
    subprocess.run([sys.executable, "-I", "-c", FRESH_PROCESS, *words], check=True, cwd=tmp_path)
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    embedded = bundle.encoders.embed_text(TEXTS)
    for name, known in (("model", index), ("other", other_index)):
        # ScaNN over float16 is left for exact search in the graph.
        backend = known.exact if inside == "exact" else known.backend
        for k in (1, 7, 50, 5000):
            for kind, queries in (("text", embedded), ("vector", vectors)):
                positions, scores = backend.search(queries, min(k, 1500))
                expected = [[known.product_ids[place] for place in row] for row in positions]
                got = found[f"{name} {kind} {k}"]
                agree = np.mean([a == b for x, y in zip(got, expected, strict=True) for a, b in zip(x, y, strict=True)])
                assert agree > (0.99 if k < 5000 else 0.9), (name, kind, k)
            np.testing.assert_allclose(found[f"{name} score {k}"], scores, atol=1e-4)


def test_the_command_writes_it_and_a_new_index_takes_it_away(tiny_bundle, tiny_shop, tmp_path, capsys):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    asked = ["index", str(bundle), str(tiny_shop.catalog), "--json"]
    assert main([*asked, "--in-graph", "--vectors", "int8"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (bundle / "index" / "saved_model" / "saved_model.pb").is_file()
    assert result["saved_model"] == str(bundle / "index" / "saved_model")
    assert result["vectors"]["type"] == "int8"
    assert main(asked) == 0
    assert not (bundle / "index" / "saved_model").exists()
