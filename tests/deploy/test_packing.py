"""Weights of a smaller type: how they are rounded, and bundles that keep them."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from product_matching.bundle import load_bundle
from product_matching.deploy import export
from product_matching.deploy.packing import pack_weights, rounded, to_float16, to_int8
from product_matching.errors import ConfigError
from product_matching.eval import embed_catalog
from product_matching.eval.embedding import embed_titles
from product_matching.search import SearchEngine, build_index

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "c_api.py"
KINDS = ("float16", "int8")


@pytest.fixture
def weight():
    """A kernel whose columns differ in size by 10^4."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(48, 20)) * np.logspace(-3, 1, 20)).astype(np.float32)


def test_int8_errs_by_half_a_step_of_its_column_at_most(weight):
    packed = to_int8(weight)
    assert packed.values.dtype == np.int8
    assert packed.scales.shape == (1, 20)  # rows would lose the small columns
    largest = np.abs(weight).max(axis=0)
    error = np.abs(packed.unpacked() - weight).max(axis=0)
    # A scale of four bits is at most 1/8 above largest / 127, and an error at most half a scale.
    assert (error <= 0.5 * 1.125 * largest / 127 + 1e-9).all()
    assert (np.abs(packed.values).max(axis=0) >= 112).all()
    np.testing.assert_array_equal(to_int8(weight.T).scales.shape, (20, 1))


@pytest.mark.parametrize("pack", [to_float16, to_int8])
def test_rounded_weights_are_the_same_in_half(pack, weight):
    unpacked = pack(weight).unpacked()
    np.testing.assert_array_equal(unpacked.astype(np.float16).astype(np.float32), unpacked)
    np.testing.assert_array_equal(pack(unpacked).unpacked() if pack is to_float16 else unpacked, unpacked)


def test_what_a_type_cannot_hold_stays_as_it_is():
    assert to_float16(np.full((2, 2), 1e5, np.float32)) is None
    assert to_int8(np.full((2, 2), np.nan, np.float32)) is None
    assert to_int8(np.full((2, 2), 1e-9, np.float32)) is None
    np.testing.assert_array_equal(to_int8(np.zeros((3, 4), np.float32)).unpacked(), np.zeros((3, 4)))


def test_vectors_and_small_weights_are_not_rounded():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(300), keras.layers.LayerNormalization(), keras.layers.Dense(1)])
    model.build((None, 4))
    assert [tuple(model.weights[place].shape) for place in pack_weights(model, "int8")] == [(4, 300), (300, 1)]
    assert pack_weights(model, "float32") == {}
    with pytest.raises(ConfigError, match="int8"):
        pack_weights(model, "int4")


def test_a_model_keeps_its_own_weights(tiny_model):
    before = tiny_model.get_weights()
    packed = pack_weights(tiny_model, "int8")
    with rounded(tiny_model, packed):
        assert any(not np.array_equal(a, b) for a, b in zip(before, tiny_model.get_weights(), strict=True))
    for a, b in zip(before, tiny_model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def few(tiny_catalog):
    return tiny_catalog.take(np.arange(24))


@pytest.fixture(scope="module")
def before(trained, few):
    """The vectors of the model as it was trained."""
    return embed_catalog(trained[0], few)


@pytest.fixture(scope="module")
def bundles(trained, tmp_path_factory):
    """A bundle of each kind of smaller weights."""
    folder = tmp_path_factory.mktemp("packed")
    return {kind: load_bundle(export(trained[0], folder / kind, weights=kind)) for kind in KINDS}


@pytest.fixture(scope="module", params=KINDS)
def small(request, bundles):
    return bundles[request.param]


@pytest.fixture(scope="module")
def after(small, few):
    """The Keras model of the bundle and its vectors."""
    model = small.load_model()
    return model, embed_catalog(model, few)


def size(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def test_the_files_shrink(small, trained, tiny_bundle):
    kind = small.manifest["weights"]
    assert load_bundle(tiny_bundle).manifest["weights"] == "float32"
    packed = pack_weights(trained[0], kind)
    saved = sum((4 - entry.values.itemsize) * entry.values.size for entry in packed.values())
    scales = sum(0 if entry.scales is None else entry.scales.nbytes for entry in packed.values())
    names = 400 * len(packed)
    assert size(small.folder / "variables") < size(tiny_bundle / "variables") - saved + scales + names
    halves = 2 * sum(entry.values.size for entry in packed.values())
    assert (small.folder / "model.keras").stat().st_size < (tiny_bundle / "model.keras").stat().st_size - 0.98 * halves


def test_everything_reads_the_same_rounded_weights(small, after, trained, few):
    model, views = after
    with rounded(trained[0], pack_weights(trained[0], small.manifest["weights"])):
        expected = [keras.ops.convert_to_numpy(weight).copy() for weight in trained[0].weights]
    for weight, value in zip(model.weights, expected, strict=True):
        np.testing.assert_array_equal(weight, value)
    words = [few.table[name].tolist() for name in ("title", "description", "tags")]
    images = [Path(path).read_bytes() if path else b"" for path in few.image_paths()]
    np.testing.assert_allclose(small.encoders.embed_image(images), views["image"], atol=1e-5)
    np.testing.assert_allclose(small.encoders.embed_product(images, *words), views["product"], atol=1e-5)
    np.testing.assert_allclose(small.encoders.embed_text(words[0]), embed_titles(model, few), atol=1e-5)
    np.testing.assert_array_equal(small.head.references, model.head.reach.references)
    score = model.head(views["image"], views["text"])
    match = tf.saved_model.load(str(small.folder))
    answer = match.signatures["match"](left=tf.constant(views["image"]), right=tf.constant(views["text"]))
    expected = model.head.probability(score, views["image"], views["text"])
    np.testing.assert_allclose(answer["probability"], expected, atol=1e-5)


def test_two_bundles_in_one_process_do_not_share_weights(bundles):
    first, second = (bundles[kind].encoders.embed_text(["red mug"]) for kind in KINDS)
    assert np.abs(first - second).max() > 1e-4
    np.testing.assert_array_equal(bundles[KINDS[0]].encoders.embed_text(["red mug"]), first)


def test_vectors_stay_near(small, before, after):
    nearest = {"float16": 0.99999, "int8": 0.995}[small.manifest["weights"]]
    for view, vectors in after[1].items():
        cosines = (before[view] * vectors).sum(axis=1)
        assert cosines[before[view].any(axis=1)].min() > nearest, view


def test_index_and_search_work(small, few):
    build_index(small, few)
    title = few.table["title"][0]
    found = SearchEngine.load(small.folder).search(text=title, k=5)
    assert len(found) == 5


def test_the_c_runtime_unpacks_them_too(small, after, few, tmp_path):
    code = """
import json, runpy, sys
import numpy as np
example, bundle, titles, out = sys.argv[1:]
model = runpy.run_path(example)["SavedModel"](bundle)
np.save(out, model("embed_text", text=[title.encode() for title in json.loads(titles)])["embedding"])
"""
    titles = few.table["title"].tolist()
    words = [str(EXAMPLE), str(small.folder), json.dumps(titles), str(tmp_path / "out.npy")]
    subprocess.run([sys.executable, "-I", "-c", code, *words], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), embed_titles(after[0], few), atol=1e-5)
