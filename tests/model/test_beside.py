"""Towers that stand still beside those that learn."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from product_matching.model import drop_text_layers

pytestmark = pytest.mark.slow

PLAIN = ["text.dropout=0", "model.dropout=0", "model.modality_dropout=0"]


@pytest.fixture(scope="module")
def some(tiny_split):
    return tiny_split[0].take(np.arange(12))


@pytest.fixture(scope="module")
def model(built_with_towers_beside, some):
    return built_with_towers_beside(PLAIN, some)[0]


@pytest.fixture(scope="module")
def raw(some):
    images = [Path(path).read_bytes() if path else b"" for path in some.image_paths()]
    words = {name: some.table[name].tolist() for name in ("title", "description", "tags")}
    return {"image": tf.constant(images), **{name: tf.constant(cells) for name, cells in words.items()}}


@pytest.fixture(scope="module")
def inputs(model, raw):
    return model.preprocessor(raw)


def standardised(rows):
    rows = np.asarray(rows, np.float64)
    return (rows - rows.mean(axis=1, keepdims=True)) / np.sqrt(rows.var(axis=1, keepdims=True) + 1e-6)


def test_heads_see_what_each_tower_gives_alone(model, raw, inputs):
    words = model.beside_text.preprocessor(raw["title"], raw["description"])
    alone = {
        "image": [model.image_encoder(inputs["image"]), model.beside_image(inputs["beside_image"])],
        "text": [model.text_encoder(inputs), model.beside_text(words)],
    }
    joined = {name: np.concatenate([standardised(rows) for rows in towers], 1) for name, towers in alone.items()}
    assert {name: rows.shape[1] for name, rows in joined.items()} == {"image": 64 + 64, "text": 32 + 16}
    image, text = (joined[name].astype("float32") for name in ("image", "text"))
    np.testing.assert_allclose(model.image_vector(inputs), model.project_image(image), atol=1e-4)
    np.testing.assert_allclose(model.text_vector(inputs), model.project_text(text), atol=1e-4)


def test_each_tower_sees_pictures_of_its_own_size_and_words_of_its_own_vocabulary(model, raw, inputs):
    assert (inputs["image"].shape[1:], inputs["beside_image"].shape[1:]) == ((32, 32, 3), (24, 24, 3))
    assert (inputs["token_ids"].shape[1], inputs["beside_token_ids"].shape[1]) == (24, 12)
    decoded = tf.stack([model.preprocessor.decode_beside(one) for one in raw["image"]])
    np.testing.assert_array_equal(inputs["beside_image"], decoded)


def test_batch_gives_what_each_product_gives_alone(model, inputs):
    together = model(inputs)
    for row in range(3):
        alone = model({name: value[row : row + 1] for name, value in inputs.items()})
        for view, vectors in alone.items():
            np.testing.assert_allclose(vectors[0], together[view][row], atol=1e-5, err_msg=view)


def test_nothing_of_it_learns_and_it_never_drops_out(model, inputs):
    learning = {id(weight) for weight in model.trainable_variables}
    for tower in model.beside.values():
        assert tower.weights
        assert not learning & {id(weight) for weight in tower.weights}
    before = [np.copy(weight) for tower in model.beside.values() for weight in tower.get_weights()]
    for ours, again in zip(model.encode(inputs, training=True), model.encode(inputs, training=True), strict=True):
        np.testing.assert_allclose(ours, again, atol=1e-5)
    after = [weight for tower in model.beside.values() for weight in tower.get_weights()]
    for old, new in zip(before, after, strict=True):  # statistics of a normalisation among them
        np.testing.assert_array_equal(old, new)


def test_a_saved_model_says_the_same_and_its_towers_still_stand(model, inputs, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for view, vectors in again(inputs).items():
        np.testing.assert_allclose(vectors, model(inputs)[view], atol=1e-5, err_msg=view)
    assert [len(tower.trainable_variables) for tower in again.beside.values()] == [0, 0]
    assert len(again.trainable_variables) == len(model.trainable_variables)


def test_one_modality_may_have_one_alone(model, inputs, some):
    config = model.get_config()
    config.pop("beside_text")
    single = type(model).from_config(config)
    assert set(single.beside) == {"image"}
    assert single.preprocessor.beside_text is None
    inputs = {name: value for name, value in inputs.items() if name == "beside_image" or "beside" not in name}
    assert single.embed(inputs).shape == (12, 32)


def test_half_precision_gives_nearly_the_same(built_with_towers_beside, some, model, inputs):
    half, _ = built_with_towers_beside([*PLAIN, "train.mixed_precision=mixed_bfloat16"], some)
    half.set_weights(model.get_weights())
    found = half.embed(inputs)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(found, model.embed(inputs), atol=0.05)


def test_layers_of_the_own_text_tower_can_be_dropped(built_with_towers_beside, some, inputs):
    model, _ = built_with_towers_beside([*PLAIN, "text.layers=2"], some)
    small = drop_text_layers(model, 1)
    assert small.text_encoder.backbone.num_layers == 1
    np.testing.assert_allclose(small.image_vector(inputs), model.image_vector(inputs), atol=1e-5)
    for ours, theirs in zip(small.beside_text.get_weights(), model.beside_text.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
