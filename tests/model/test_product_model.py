import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from product_matching.config import load_config
from product_matching.dataset import make_dataset
from product_matching.losses import SigmoidMatchLoss
from product_matching.model import PAIRS, VIEWS, ProductModel, adapt_again, build_loss, build_model, freeze
from product_matching.model.product_model import pair_labels
from product_matching.optimizer import build_optimizer

pytestmark = pytest.mark.slow

MODALITIES = ("image", "text", "tags")
# What each of the rows of `raw` has.
HAS = np.array([[1, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1]], bool)
FULL, NO_IMAGE, NO_TEXT, NO_TAGS, NOTHING = 0, 1, 2, 3, 6


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


@pytest.fixture(scope="module")
def raw(trained):
    """Products that lack this or that, as a shop would send them."""
    model, train, _, _ = trained
    photos = [Path(path).read_bytes() for path in train.image_paths() if path][: len(HAS)]
    titles = ["red shoes", "红色跑鞋", "", "蓝色马克杯 350ml", "wooden chair", "", "", "green bag"]
    tags = model.preprocessor.tags.vocabulary
    return {
        "image": tf.constant([photo if has else b"" for photo, has in zip(photos, HAS[:, 0], strict=True)]),
        "title": tf.constant([title if has else "" for title, has in zip(titles, HAS[:, 1], strict=True)]),
        "description": tf.constant(["很轻, light" if has else "" for has in HAS[:, 1]]),
        "tags": tf.constant([f"{tags[i]}|{tags[-1]}" if has else "" for i, has in enumerate(HAS[:, 2])]),
    }


@pytest.fixture(scope="module")
def inputs(model, raw):
    return model.preprocessor(raw)


@pytest.fixture(scope="module")
def views(model, inputs):
    return {name: keras.ops.convert_to_numpy(view) for name, view in model(inputs).items()}


def shows_something(view):
    return HAS[:, [MODALITIES.index(name) for name in VIEWS[view]]].any(axis=1)


def test_fixture_has_the_modalities_it_says(inputs):
    found = np.stack([np.asarray(inputs[f"has_{name}"]) for name in MODALITIES], axis=1)
    np.testing.assert_array_equal(found, HAS)


@pytest.mark.parametrize("view", VIEWS)
def test_views_have_length_one_where_there_is_something_and_zero_elsewhere(view, views):
    np.testing.assert_allclose(np.linalg.norm(views[view], axis=1), shows_something(view).astype(float), atol=1e-5)
    assert views[view].dtype == np.float32


def test_product_without_image_has_a_zero_image_view(views):
    assert not views["image"][NO_IMAGE].any()
    assert views["product"][NO_IMAGE].any()


def test_embed_is_the_product_view(model, inputs, views):
    np.testing.assert_allclose(model.embed(inputs), views["product"], atol=1e-6)


def test_product_without_tags_is_the_fusion_of_its_image_and_text(model, inputs):
    masks = np.tile([True, True, False], (len(HAS), 1))
    fused = model.fusion(model.encode(inputs), keras.ops.convert_to_tensor(masks))
    np.testing.assert_allclose(model.embed(inputs)[NO_TAGS], fused[NO_TAGS], atol=1e-6)


@pytest.mark.parametrize(("view", "row"), [("text", NO_IMAGE), ("image", NO_TEXT)])
def test_embed_one_is_the_view_of_one_modality(model, inputs, views, view, row):
    vector = model.text_vector(inputs) if view == "text" else model.image_vector(inputs["image"])
    alone = model.embed_one(view, vector, inputs[f"has_{view}"])
    np.testing.assert_allclose(alone, views[view], atol=1e-5)
    assert np.asarray(alone)[row].any()


def test_batch_gives_what_each_product_gives_alone(model, raw, views):
    for row in range(len(HAS)):
        one = model(model.preprocessor({name: column[row : row + 1] for name, column in raw.items()}))
        for view in VIEWS:
            np.testing.assert_allclose(one[view][0], views[view][row], atol=2e-5, err_msg=f"{view} of row {row}")


def test_content_of_a_missing_image_has_no_influence(model, inputs, views):
    noisy = {**inputs, "image": tf.where(inputs["has_image"][:, None, None, None], inputs["image"], 7)}
    np.testing.assert_allclose(model(noisy)["product"], views["product"], atol=1e-6)


def test_training_never_hides_all_of_a_product(tiny_split, inputs):
    model = build_model(load_config("tiny", ["model.modality_dropout=0.9"]), tiny_split[0])
    for _ in range(3):
        hidden = model(inputs, training=True)
        for view in VIEWS:
            lengths = np.linalg.norm(hidden[view], axis=1)
            np.testing.assert_allclose(lengths, shows_something(view).astype(float), atol=1e-5)


@pytest.fixture(scope="module")
def alone(model):
    """R of each tag of the vocabulary, as a product that has nothing else."""
    tags = model.preprocessor.tags.vocabulary
    nothing = tf.constant([""] * len(tags))
    raw = {"image": nothing, "title": nothing, "description": nothing, "tags": tf.constant(tags)}
    return np.asarray(model.embed(model.preprocessor(raw)))


def naive_loss(model, inputs, views, alone, groups, weights=None):
    """The definition, pair by pair, in float64."""
    t, b = model.head.parameters()["temperature"], model.head.parameters()["bias"]
    count, of_views, of_tags = len(groups), 0.0, 0.0
    weights = np.ones(count) if weights is None else weights

    def cost(z, left, right):
        return np.log1p(np.exp(-z * (t * np.dot(left.astype(float), right.astype(float)) + b)))

    for left, right in PAIRS:
        for i in range(count):
            for j in range(count):
                dropped = i != j and groups[i] == groups[j]
                if not dropped and shows_something(left)[i] and shows_something(right)[j]:
                    z = 1 if i == j else -1
                    of_views += weights[i] * cost(z, views[left][i], views[right][j])
    for view in ("image", "text"):
        for i in np.flatnonzero(shows_something(view) & HAS[:, 2]):
            for j, tag in enumerate(alone):
                z = 1 if inputs["tags"][i, j] else -1
                of_tags += weights[i] * cost(z, views[view][i], tag)
    return of_views / count / len(PAIRS) + of_tags / count / 2


def test_tag_vectors_are_products_with_one_tag(model, alone):
    np.testing.assert_allclose(model.tag_vectors(), alone, atol=1e-6)


@pytest.mark.parametrize("groups", [np.arange(8), np.array([5, 5, 2, 3, 4, 2, 6, 5])])
def test_loss_is_the_definition_over_pairs_of_views_and_single_tags(model, inputs, views, alone, groups):
    loss = model.compute_loss(x=inputs, y=tf.constant(groups), y_pred=views)
    assert float(loss) == pytest.approx(naive_loss(model, inputs, views, alone, groups), rel=1e-5)


def test_loss_weighs_products(model, inputs, views, alone):
    groups, weights = np.arange(8), np.array([0.0, 2.0, 1.0, 0.5, 3.0, 1.0, 1.0, 0.0])
    loss = model.compute_loss(x=inputs, y=tf.constant(groups), y_pred=views, sample_weight=tf.constant(weights))
    assert float(loss) == pytest.approx(naive_loss(model, inputs, views, alone, groups, weights), rel=1e-5)


def test_matryoshka_asks_each_width_as_a_model_of_its_own(model, inputs, views):
    """The loss is the mean of those of the cut vectors, normalised again, each worked out by the definition."""
    config = {**model.get_config(), "matryoshka": [8, 16], "image_encoder": model.image_encoder}
    nested = ProductModel(**{**without(config, "name", "trainable", "dtype"), "text_encoder": model.text_encoder})
    nested.set_weights(model.get_weights())
    nested.compile(loss=SigmoidMatchLoss(), run_eagerly=True, jit_compile=False)
    groups = np.arange(8)
    tags = np.asarray(nested.tag_vectors())
    expected = []
    for width in (8, 16, model.dim):
        cut = {name: unit(vectors[:, :width]) for name, vectors in views.items()}
        expected.append(naive_loss(model, inputs, cut, unit(tags[:, :width]), groups))
    loss = nested.compute_loss(x=inputs, y=tf.constant(groups), y_pred=views)
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-5)


def without(config, *names):
    return {name: value for name, value in config.items() if name not in names}


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


@pytest.mark.parametrize("fusion", ["gated", "attention"])
def test_each_fusion_is_chosen_by_configuration_and_saved(tiny_split, fusion, inputs, tmp_path):
    chosen = build_model(load_config("tiny", [f"model.fusion={fusion}"]), tiny_split[0])
    assert fusion in type(chosen.fusion).__name__.lower()
    chosen.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(inputs)["product"], chosen(inputs)["product"], atol=1e-6)


def test_pair_labels_counted_by_hand():
    hand = [[1, -1, 0, -1], [-1, 1, -1, -1], [0, -1, 1, -1], [-1, -1, -1, 1]]
    np.testing.assert_array_equal(pair_labels(tf.constant([[7], [-3], [7], [0]], tf.int64)), hand)


def test_pair_labels_tell_large_groups_apart():
    close = tf.constant([2**62, 2**62 + 1], tf.int64)
    np.testing.assert_array_equal(pair_labels(close), [[1, -1], [-1, 1]])


def test_a_compiled_model_loads_where_only_its_class_is_known(tiny_split, tmp_path):
    config = load_config("tiny")
    model = build_model(config, tiny_split[0])
    model.compile(optimizer=build_optimizer(config.optimizer, steps=10), loss=build_loss(config.train))
    model.save(tmp_path / "model.keras")
    code = "import keras, sys; from product_matching import ProductModel; keras.saving.load_model(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, tmp_path / "model.keras"], check=True)


def test_saved_model_predicts_the_same(model, inputs, views, tmp_path):
    before = model.head.parameters()
    model.head.calibrate(1.5, -2.25, 0.75)
    model.save(tmp_path / "model.keras")
    model.head.calibrate(before["scale"], before["offset"], before["threshold"])
    again = keras.saving.load_model(tmp_path / "model.keras")
    for view, vectors in again(inputs).items():
        np.testing.assert_allclose(vectors, views[view], atol=1e-6)
    assert again.head.parameters() == {**before, "scale": 1.5, "offset": -2.25, "threshold": 0.75}
    assert again.preprocessor.text.vocabulary == model.preprocessor.text.vocabulary
    assert again.preprocessor.tags.vocabulary == model.preprocessor.tags.vocabulary


def test_half_precision_trains_with_a_finite_loss(tiny_split):
    train = tiny_split[0].take(np.arange(6))
    model = build_model(load_config("tiny", ["train.mixed_precision=mixed_float16"]), train)
    assert model.image_encoder.compute_dtype == model.text_encoder.compute_dtype == "float16"
    assert model.project_image.compute_dtype == "float16"
    model.compile(optimizer=build_optimizer(steps=3), loss=SigmoidMatchLoss(), run_eagerly=True, jit_compile=False)
    batches = make_dataset(train, model.preprocessor, batch_size=6, training=True)
    history = model.fit(batches, epochs=1, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    vectors = model(next(iter(batches))[0])["product"]
    assert keras.backend.standardize_dtype(vectors.dtype) == "float32"


def test_fits_and_evaluates_as_any_keras_model(tiny_split):
    train = tiny_split[0].take(np.arange(4))
    model = build_model(load_config("tiny"), train)
    model.compile(optimizer="sgd", loss=SigmoidMatchLoss(), run_eagerly=True, jit_compile=False)
    batches = make_dataset(train, model.preprocessor, batch_size=4)
    history = model.fit(batches, validation_data=batches, shuffle=False, verbose=0).history
    assert model.evaluate(batches, verbose=0) == pytest.approx(history["val_loss"][0], rel=1e-5)


def test_precision_of_one_model_is_not_that_of_the_next(tiny_split):
    before = keras.config.dtype_policy()
    build_model(load_config("tiny", ["train.mixed_precision=mixed_float16"]), tiny_split[0].take(np.arange(4)))
    assert keras.config.dtype_policy() == before


def test_same_configuration_starts_from_the_same_weights(tiny_split, tiny_model):
    again = build_model(load_config("tiny"), tiny_split[0])
    for ours, theirs in zip(again.get_weights(), tiny_model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_vocabulary_comes_from_the_catalogue(tiny_split, tiny_model):
    known = set(tiny_model.preprocessor.tags.vocabulary)
    # The tiny preset keeps every tag.
    assert {tag.lower() for tags in tiny_split[0].tag_lists() for tag in tags} == known


def test_first_match_probability_is_one_in_a_batch(tiny_model):
    bias = tiny_model.head.parameters()["bias"]
    assert 1 / (1 + np.exp(-bias)) == pytest.approx(1 / 32)


def learning(model):
    """Where in the model weights learn; the first part of a path is numbered by how many models there were before."""
    return {variable.path.partition("/")[2] for variable in model.trainable_variables}


def test_a_tower_that_stands_still_does_so_after_loading(tiny_split, tmp_path):
    model = build_model(load_config("tiny"), tiny_split[0])
    freeze(model.image_encoder.backbone, 0)
    model.image_encoder.trainable = False
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert learning(loaded) == learning(model)


def test_a_loaded_model_learns_where_its_configuration_says(tiny_split, tmp_path):
    config = load_config("tiny", ["text.pretrained=some-bert", "text.trainable_blocks=1", "text.layers=2"])
    built = load_config("tiny", ["text.layers=2"])
    model = build_model(built, tiny_split[0])
    freeze(model.text_encoder.backbone, 1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    adapt_again(loaded, config)
    assert learning(loaded) == learning(model)
    assert not any("transformer_layer_0" in path for path in learning(loaded))
