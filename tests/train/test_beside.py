"""Training of towers with frozen ones beside them: what those give is computed once."""

import functools

import keras
import numpy as np
import pytest

from product_matching.dataset import make_dataset
from product_matching.layers.side_by_side import side_by_side
from product_matching.losses import SigmoidMatchLoss
from product_matching.model import ProductModel
from product_matching.text import TextEncoder, learn_vocabulary
from product_matching.train import fit
from product_matching.train.features import _Keeper, frozen_features
from product_matching.train.starting import begin_as_regression

pytestmark = pytest.mark.slow

SMALL = ["image.size=16", "image.filters=[64]", "image.blocks=[1]", "image.stem=[8]", "text.max_tokens=8"]
SMALL += ["train.batch_size=6"]
NAMES = ("beside_image_features", "beside_text_features")


@pytest.fixture(scope="module")
def catalog(tiny_split):
    return tiny_split[0].take(np.arange(14))


@pytest.fixture(scope="module")
def model(built_with_towers_beside, catalog):
    return built_with_towers_beside(SMALL, catalog)[0]


@pytest.fixture
def without_graphs(monkeypatch):
    """A fit of a few steps is over before its graph would be built."""
    monkeypatch.setattr(ProductModel, "compile", functools.partialmethod(ProductModel.compile, run_eagerly=True))


def test_loss_is_the_same_with_kept_vectors_as_without(model, catalog, monkeypatch):
    features = frozen_features(model, catalog, batch_size=5)
    assert features.keys() == set(NAMES)
    plain, groups = next(iter(make_dataset(catalog, model.preprocessor, batch_size=14)))

    def never(contents):
        raise AssertionError("decoded what nobody looks at")

    monkeypatch.setattr(model.preprocessor, "decode_beside", never)
    kept, _ = next(iter(make_dataset(catalog, model.preprocessor, batch_size=14, features=features)))
    assert plain.keys() - kept.keys() == {"beside_image", *(f"beside_{n}" for n in ("token_ids", "segment_ids"))} | {
        "beside_padding_mask"
    }
    np.testing.assert_array_equal(kept["image"], plain["image"])
    model.compile(loss=SigmoidMatchLoss(), run_eagerly=True, jit_compile=False)
    losses = [float(model.compute_loss(x=x, y=groups, y_pred=model(x))) for x in (plain, kept)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_augmentation_varies_what_the_other_tower_sees(model, catalog):
    features = frozen_features(model, catalog)
    options = {"batch_size": 14, "training": True, "features": features, "same_kind": 1}
    varied, _ = next(iter(make_dataset(catalog, model.preprocessor, augment=1.0, **options)))
    plain, _ = next(iter(make_dataset(catalog, model.preprocessor, augment=0.0, **options)))
    assert np.abs(np.asarray(varied["image"]) - np.asarray(plain["image"], "float32")).max() > 50
    for name in NAMES:
        np.testing.assert_array_equal(varied[name], plain[name])


def test_with_several_views_of_a_text_both_towers_read_the_same_words(built_with_towers_beside, catalog):
    shape = {"layers": 1, "heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_tokens": 8}
    config = ["tags.min_count=1", "text.vocabulary_size=200", *SMALL]
    text = TextEncoder(learn_vocabulary(catalog.texts(), 200), **shape)
    model, _ = built_with_towers_beside(config, catalog, text=text)
    assert model.text_encoder.preprocessor.vocabulary == text.preprocessor.vocabulary  # so that tokens may be compared
    features = frozen_features(model, catalog, text_views=4, typed=0.5, seed=3, batch_size=5)
    assert features["token_ids"].shape == (14, 4, 8)
    assert (features["token_ids"][:, 1:] != features["token_ids"][:, :1]).any()
    batches = make_dataset(catalog, model.preprocessor, batch_size=14, training=True, features=features, typed=0.5)
    for inputs in (next(iter(batches))[0], next(iter(make_dataset(catalog, model.preprocessor, features=features)))[0]):
        read = text({name: inputs[name] for name in ("token_ids", "segment_ids", "padding_mask")})
        np.testing.assert_allclose(inputs["beside_text_features"], read, atol=1e-5)


def test_what_a_tower_gives_is_kept_under_the_name_that_it_has_alone(model, catalog, tmp_path, monkeypatch):
    frozen_features(model, catalog, folder=tmp_path)
    config = {k: v for k, v in model.get_config().items() if not k.startswith("beside")}
    alone = ProductModel.from_config(config)
    alone.image_encoder, alone.text_encoder = model.beside_image, model.beside_text
    monkeypatch.setattr(_Keeper, "_compute", None)
    found = frozen_features(alone, catalog, folder=tmp_path)
    again = frozen_features(model, catalog, folder=tmp_path)
    for name in ("image_features", "text_features"):
        np.testing.assert_array_equal(found[name], again[f"beside_{name}"])


def test_a_fit_computes_them_once_a_product_and_leaves_them_as_they_are(
    built_with_towers_beside, catalog, tiny_split, monkeypatch
):
    model, config = built_with_towers_beside([*SMALL, "train.epochs=3"], catalog)
    calls = []

    def counted(tower):
        plain = type(tower).call
        return lambda inputs, training=None: calls.append(training) or plain(tower, inputs, training=training)

    for tower in model.beside.values():
        monkeypatch.setattr(tower, "call", counted(tower))
    before = [np.copy(weight) for weight in model.get_weights()]
    theirs = {id(weight) for tower in model.beside.values() for weight in tower.weights}
    history = fit(model, catalog, tiny_split[1].take(np.arange(5)), config)
    assert len(calls) <= 4  # traced for each tower and each catalogue, in no step of the training
    assert not any(calls)
    assert history["loss"][-1] < history["loss"][0]
    moved = 0
    for weight, old in zip(model.weights, before, strict=True):
        if id(weight) in theirs:
            np.testing.assert_array_equal(weight, old, err_msg=weight.path)
        else:
            moved += bool(np.abs(np.asarray(weight) - old).max() > 0)
    assert moved > len(before) // 3


class Stop(keras.callbacks.Callback):
    """Ends a fit in its second epoch, as a kill does."""

    def on_train_batch_end(self, batch, logs=None):
        self.seen = getattr(self, "seen", 0) + 1
        if self.seen == 2:
            raise KeyboardInterrupt


def test_a_run_that_goes_on_ends_as_one_that_never_stopped(
    without_graphs, built_with_towers_beside, catalog, tiny_split, tmp_path
):
    train, val = catalog.take(np.arange(6)), tiny_split[1].take(np.arange(5))  # one batch
    extra = ["train.epochs=2", "train.augment=1", "train.cached_text_views=2", "train.typed=0.5"]
    extra += ["train.patience=3", f"train.feature_cache={tmp_path / 'kept'}"]

    def fitted(**options):
        model, config = built_with_towers_beside([*SMALL, *extra], train)
        return model, fit(model, train, val, config, **options)

    whole, expected = fitted()
    with pytest.raises(KeyboardInterrupt):
        fitted(checkpoints=tmp_path / "state", callbacks=[Stop()])
    resumed, history = fitted(checkpoints=tmp_path / "state", resume=True)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for name, values in expected.items():
        assert history[name] == pytest.approx(values, abs=1e-5)


def test_heads_may_begin_as_the_regression_of_the_frozen_towers(built_with_towers_beside, tiny_split):
    train = tiny_split[0].take(np.arange(60))
    model, _ = built_with_towers_beside([*SMALL, "model.dim=12"], train)
    features = frozen_features(model, train)
    assert begin_as_regression(model, train, features)
    image, text = (features[name][:, 0] for name in NAMES)
    own, other = np.random.default_rng(0).normal(size=(2, 60, 64)).astype("float32")
    given, again = (np.asarray(model.project_image(side_by_side(part, image))) for part in (own, other))
    np.testing.assert_allclose(given, again, atol=1e-3)  # what the other tower gives counts for nothing yet
    text = np.asarray(model.project_text(side_by_side(own[:, :32], text)))
    shown = np.array([bool(path) for path in train.image_paths()])
    centred = [rows[shown] - rows[shown].mean(axis=0) for rows in (given, text)]
    assert (centred[0] * centred[1]).sum() > 0.3 * (centred[0] ** 2).sum()  # pictures lie where their texts are
