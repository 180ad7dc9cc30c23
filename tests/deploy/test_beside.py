"""A bundle whose model has frozen towers beside its own."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from product_matching.bundle import load_bundle
from product_matching.cli import main
from product_matching.config import config_to_dict
from product_matching.dataset import make_dataset
from product_matching.deploy import compress, export
from product_matching.deploy.compressing import sizes
from product_matching.deploy.towers import convert_towers
from product_matching.errors import ConfigError
from product_matching.eval import embed_catalog, evaluate
from product_matching.search import SearchEngine, build_index
from product_matching.train import fit

pytestmark = pytest.mark.slow

TEXTS = ["red striped mug", "红色条纹马克杯，350毫升", ""]


@pytest.fixture(scope="module")
def trained_beside(built_with_towers_beside, tiny_split):
    train = tiny_split[0].take(np.arange(40))
    model, config = built_with_towers_beside(["train.epochs=1", "text.layers=2"], train)
    fit(model, train, tiny_split[1], config)
    return model, config


@pytest.fixture(scope="module")
def bundle(trained_beside, tmp_path_factory):
    model, config = trained_beside
    out = tmp_path_factory.mktemp("beside") / "shop" / "1"
    return load_bundle(export(model, out, manifest={"config": config_to_dict(config)}))


def columns(catalog):
    pictures = [Path(path).read_bytes() if path else b"" for path in catalog.image_paths()]
    return [pictures, *(catalog.table[name].tolist() for name in ("title", "description", "tags"))]


def test_the_saved_model_embeds_as_the_model_does(trained_beside, bundle, tiny_catalog):
    model, some = trained_beside[0], tiny_catalog.take(np.arange(20))
    views = embed_catalog(model, some)
    np.testing.assert_allclose(bundle.encoders.embed_product(*columns(some)), views["product"], atol=2e-5)
    pictures = columns(some)[0]
    np.testing.assert_allclose(bundle.encoders.embed_image(pictures), views["image"], atol=2e-5)
    words = model.preprocessor.words(tf.constant(TEXTS), tf.constant([""] * 3))
    text = model.embed_one("text", model.text_vector(words), words["has_text"])
    np.testing.assert_allclose(bundle.encoders.embed_text(TEXTS), text, atol=2e-5)
    one = np.concatenate([bundle.encoders.embed_image([picture]) for picture in pictures[:3]])
    np.testing.assert_allclose(one, views["image"][:3], atol=2e-5)


def test_its_keras_model_says_the_same(trained_beside, bundle, tiny_catalog):
    some = tiny_catalog.take(np.arange(10))
    views = embed_catalog(trained_beside[0], some)
    for view, vectors in embed_catalog(bundle.load_model(), some).items():
        np.testing.assert_allclose(vectors, views[view], atol=2e-5, err_msg=view)


def test_training_tensors_are_those_that_serving_prepares(trained_beside, tiny_catalog):
    preprocessor, some = trained_beside[0].preprocessor, tiny_catalog.take(np.arange(20))
    names = ("image", "title", "description", "tags")
    served = preprocessor(dict(zip(names, map(tf.constant, columns(some)), strict=True)))
    trained, _ = next(iter(make_dataset(some, preprocessor, batch_size=20)))
    assert trained.keys() == served.keys()
    for name, value in trained.items():
        np.testing.assert_array_equal(value, served[name], err_msg=name)


def test_a_bundle_of_half_the_size_is_nearly_the_same(trained_beside, bundle, tmp_path):
    half = load_bundle(export(trained_beside[0], tmp_path / "half", weights="float16"))
    before, after = sizes(bundle), sizes(half)
    assert after["variables"] < 0.7 * before["variables"]
    assert after["model.keras"] < before["model.keras"]
    np.testing.assert_allclose(half.encoders.embed_text(TEXTS), bundle.encoders.embed_text(TEXTS), atol=0.01)


def test_it_is_compressed_with_a_layer_less(bundle, tmp_path):
    small = load_bundle(compress(bundle, tmp_path / "small", text_layers=1))
    assert small.manifest["config"]["text"]["layers"] == 1
    assert small.encoders.embed_text(TEXTS).shape == (3, 32)


def test_it_is_searched_and_evaluated(bundle, tiny_catalog):
    build_index(bundle, tiny_catalog)
    found = SearchEngine.load(bundle.folder).search(text="red mug", k=3)
    assert len(found) == 3
    assert 0 <= evaluate(bundle.load_model(), tiny_catalog)["text_to_image"]["recall@10"] <= 1


def test_to_convert_it_is_refused_with_the_way_out(trained_beside, bundle, tmp_path, capsys):
    with pytest.raises(ConfigError, match=r"compress.*without text\.beside and image\.beside"):
        convert_towers(trained_beside[0], tmp_path, "litert")
    assert main(["convert", str(bundle.folder), "--out", str(tmp_path)]) == 2
    assert "stands beside" in capsys.readouterr().err
