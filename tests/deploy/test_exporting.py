"""The exported SavedModel: the Keras model's numbers, in a process that knows nothing of this package."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from product_matching.bundle import load_bundle
from product_matching.cli.train import run
from product_matching.config import load_config
from product_matching.dataset import match_pairs
from product_matching.deploy import export
from product_matching.errors import BundleError, ConfigError
from product_matching.eval import calibrate, embed_catalog
from product_matching.eval.calibration import evidence_probability, pair_evidence
from product_matching.eval.embedding import embed_titles
from product_matching.model import build_model

pytestmark = pytest.mark.slow

FRESH_PROCESS = """
import json, sys
import numpy as np, tensorflow as tf, tensorflow_text
bundle, table, out = sys.argv[1:]
rows = json.load(open(table))
model = tf.saved_model.load(bundle)
assert "product_matching" not in sys.modules and "keras_hub" not in sys.modules
signatures = model.signatures
assert set(signatures) == {"serving_default", "embed_product", "embed_text", "embed_image", "match"}
images = [open(row["image"], "rb").read() if row["image"] else b"" for row in rows]
words = {name: tf.constant([row[name] for row in rows]) for name in ("title", "description", "tags")}
product = signatures["serving_default"](image=tf.constant(images), **words)["embedding"]
text = signatures["embed_text"](text=words["title"])["embedding"]
image = signatures["embed_image"](image=tf.constant(images))["embedding"]
match = signatures["match"](left=product, right=text)
np.savez(out, product=product, text=text, image=image, **match)
"""


@pytest.fixture(scope="module")
def fresh(tiny_bundle, tiny_catalog, tmp_path_factory):
    """What a process that imports TensorFlow and tensorflow-text alone computes from raw bytes and strings."""
    folder = tmp_path_factory.mktemp("fresh")
    rows = tiny_catalog.table[["title", "description", "tags"]].assign(image=tiny_catalog.image_paths())
    (folder / "rows.json").write_text(rows.to_json(orient="records"), encoding="utf-8")
    words = [str(tiny_bundle), str(folder / "rows.json"), str(folder / "out.npz")]
    subprocess.run([sys.executable, "-I", "-c", FRESH_PROCESS, *words], check=True, cwd=folder)
    return np.load(folder / "out.npz")


def test_a_fresh_process_embeds_products_like_the_keras_model(fresh, trained, tiny_catalog):
    views = embed_catalog(trained[0], tiny_catalog)
    np.testing.assert_allclose(fresh["product"], views["product"], atol=1e-5)
    np.testing.assert_allclose(fresh["image"], views["image"], atol=1e-5)
    np.testing.assert_allclose(fresh["text"], embed_titles(trained[0], tiny_catalog), atol=1e-5)


def test_match_is_the_calibrated_sigmoid_of_the_score(fresh, trained):
    head = trained[0].head.parameters()
    inner = (fresh["product"].astype("float64") * fresh["text"]).sum(axis=1)
    score = head["temperature"] * inner + head["bias"]
    np.testing.assert_allclose(fresh["score"], score, rtol=1e-4, atol=1e-4)
    probability = 1 / (1 + np.exp(-(head["scale"] * score + head["offset"])))
    np.testing.assert_allclose(fresh["probability"], probability, atol=1e-5)


def test_a_batch_gives_what_its_members_give_one_at_a_time(tiny_bundle):
    encoders = load_bundle(tiny_bundle).encoders
    texts = ["red striped mug", "红色条纹马克杯", "", "a <b>very</b> long & noisy   title " * 10]
    together = encoders.embed_text(texts)
    alone = np.concatenate([encoders.embed_text([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), [1, 1, 0, 1], atol=1e-5)


def test_the_weights_are_written_once(trained, tiny_bundle):
    variables = sum(path.stat().st_size for path in (tiny_bundle / "variables").iterdir())
    weights = 4 * sum(int(np.prod(weight.shape)) for weight in trained[0].weights)
    assert variables < 1.1 * weights + 20_000  # the names of the variables


def test_undecodable_bytes_are_refused_by_name(tiny_bundle):
    signature = tf.saved_model.load(str(tiny_bundle)).signatures
    with pytest.raises(tf.errors.InvalidArgumentError):
        signature["embed_image"](image=tf.constant([b"no image"]))


def test_the_manifest_says_what_the_bundle_is(tiny_bundle):
    manifest = json.loads((tiny_bundle / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["format"] == 1
    assert manifest["dim"] == 32
    assert set(manifest["head"]) == {"temperature", "bias", "scale", "offset", "threshold", "typical_reach"}
    assert {"saved_model.pb", "model.keras"} <= set(manifest["files"])


def test_an_existing_bundle_is_not_overwritten_unasked(trained, tiny_bundle):
    with pytest.raises(BundleError, match="--overwrite"):
        export(trained[0], tiny_bundle)


def test_a_folder_of_versions_gets_the_next_one(trained, tiny_bundle, tmp_path):
    export(trained[0], tmp_path / "shop" / "1")
    assert export(trained[0], tmp_path / "shop") == tmp_path / "shop" / "2"
    assert load_bundle(tmp_path / "shop").folder.name == "2"


def test_an_interrupted_export_leaves_the_old_version_whole(trained, tmp_path, monkeypatch):
    folder = export(trained[0], tmp_path / "shop" / "1")

    def fail(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(KeyboardInterrupt):
        export(trained[0], folder, overwrite=True)
    assert load_bundle(folder).folder == folder
    assert [path.name for path in Path(folder.parent).iterdir()] == ["1"]


def test_an_isotonic_calibration_is_served_as_evaluation_used_it(tiny_split, tmp_path):
    train, val, test = tiny_split
    model = build_model(load_config("tiny", ["model.calibration=isotonic"]), train)
    calibrate(model, val, references=train)
    views, pairs = embed_catalog(model, test), match_pairs(test)
    wanted = evidence_probability(model, pair_evidence(model, views, pairs))
    served = tf.saved_model.load(str(export(model, tmp_path / "bundle"))).signatures["match"]
    found = served(left=tf.constant(views["image"][pairs.image]), right=tf.constant(views["text"][pairs.text]))
    np.testing.assert_allclose(found["probability"], wanted, atol=1e-5)
    # The curve, and not the two numbers that stood there before.
    assert len(np.unique(np.round(wanted, 6))) < len(wanted) / 2


@pytest.mark.parametrize("command", ["export", "train"])
def test_what_only_tensorflow_can_do_is_refused_before_the_work(command, tmp_path, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ConfigError, match=r"only TensorFlow writes; Keras runs on jax\. .*KERAS_BACKEND=tensorflow"):
        if command == "export":
            export(None, tmp_path / "bundle")
        else:
            run(SimpleNamespace(config="tiny", set=[], teacher=None, out=tmp_path / "bundle", overwrite=False))
