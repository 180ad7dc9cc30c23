"""The exported SavedModel in TensorFlow's C runtime, on which TF Serving and programs in other languages stand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from product_matching.eval import embed_catalog
from product_matching.eval.embedding import embed_titles

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "c_api.py"
FRESH_PROCESS = """
import json, runpy, sys
import numpy as np
example, bundle, table, out = sys.argv[1:]
rows = json.load(open(table))
model = runpy.run_path(example)["SavedModel"](bundle)
images = [open(row["image"], "rb").read() if row["image"] else b"" for row in rows]
words = {name: [row[name].encode() for row in rows] for name in ("title", "description", "tags")}
product = model("embed_product", image=images, **words)["embedding"]
text = model("embed_text", text=words["title"])["embedding"]
image = model("embed_image", image=images)["embedding"]
try:
    model("embed_image", image=[b"no image"])
except RuntimeError as error:
    complaint = str(error)
for _ in range(3):  # the memory of what was asked before is given back: a later answer is not disturbed
    again = model("embed_text", text=words["title"])["embedding"]
heavy = [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "keras", "google", "product_matching")]
match = model("match", left=product, right=text)
np.savez(out, product=product, text=text, again=again, image=image, complaint=complaint, heavy=heavy, **match)
"""


@pytest.fixture(scope="module")
def answers(tiny_bundle, tiny_catalog, tmp_path_factory):
    """What a process without TensorFlow for Python gets from the bundle."""
    folder = tmp_path_factory.mktemp("c_api")
    rows = tiny_catalog.table[["title", "description", "tags"]].assign(image=tiny_catalog.image_paths())
    (folder / "rows.json").write_text(rows.to_json(orient="records"), encoding="utf-8")
    words = [str(EXAMPLE), str(tiny_bundle), str(folder / "rows.json"), str(folder / "out.npz")]
    subprocess.run([sys.executable, "-I", "-c", FRESH_PROCESS, *words], check=True, cwd=folder)
    return np.load(folder / "out.npz")


def test_no_tensorflow_for_python_is_in_the_process(answers):
    assert answers["heavy"].tolist() == []


def test_the_vectors_are_those_of_the_keras_model(answers, trained, tiny_catalog):
    views = embed_catalog(trained[0], tiny_catalog)
    np.testing.assert_allclose(answers["product"], views["product"], atol=1e-5)
    np.testing.assert_allclose(answers["image"], views["image"], atol=1e-5)
    np.testing.assert_allclose(answers["text"], embed_titles(trained[0], tiny_catalog), atol=1e-5)
    np.testing.assert_array_equal(answers["again"], answers["text"])


def test_match_is_that_of_the_keras_model(answers, trained):
    head = trained[0].head
    score = head(answers["product"], answers["text"])
    np.testing.assert_allclose(answers["score"], score, rtol=1e-5, atol=1e-5)
    expected = head.probability(score, answers["product"], answers["text"])
    np.testing.assert_allclose(answers["probability"], expected, atol=1e-5)


def test_an_error_of_the_graph_comes_through(answers):
    assert "image" in str(answers["complaint"]).lower()


def test_the_example_answers_on_the_command_line(tiny_bundle, tiny_catalog):
    picture = next(path for path in tiny_catalog.image_paths() if path)
    command = [sys.executable, "-I", str(EXAMPLE), str(tiny_bundle), "red mug", picture]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "red mug: 32 numbers" in done.stdout
    assert "probability 0." in done.stdout or "probability 1." in done.stdout
