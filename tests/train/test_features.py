"""What frozen towers give, kept between epochs and runs."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from product_matching.config import load_config
from product_matching.dataset import make_dataset
from product_matching.losses import SigmoidMatchLoss
from product_matching.model import build_model, freeze, product_model
from product_matching.model.halves import cut
from product_matching.train import features as module
from product_matching.train import fit
from product_matching.train.features import feature_key, frozen_features

pytestmark = pytest.mark.slow

SMALL = ["image.size=16", "image.filters=[64]", "image.blocks=[1]", "image.stem=[8]", "text.max_tokens=8"]
OPTIONS = {"views": 1, "augment": 0.0, "seed": 0}


def frozen_model(catalog, *towers, overrides=()):
    config = load_config("tiny", [*SMALL, "train.batch_size=6", "train.augment=0", *overrides])
    model = build_model(config, catalog)
    for tower in towers:
        freeze(getattr(model, tower).backbone)
    return model, config


@pytest.fixture(scope="module")
def catalog(tiny_split):
    return tiny_split[0].take(np.arange(14))


@pytest.fixture(scope="module")
def model(catalog):
    return frozen_model(catalog, "image_encoder", "text_encoder")[0]


@pytest.fixture(scope="module")
def features(model, catalog):
    return frozen_features(model, catalog, batch_size=5)


def test_features_are_the_vectors_of_the_towers(model, catalog, features):
    inputs, _ = next(iter(make_dataset(catalog, model.preprocessor, batch_size=14)))
    np.testing.assert_allclose(features["image_features"][:, 0], model.image_encoder(inputs["image"]), atol=1e-5)
    np.testing.assert_allclose(features["text_features"][:, 0], model.text_encoder(inputs), atol=1e-5)
    np.testing.assert_array_equal(features["has_text"], inputs["has_text"])


def test_model_sees_the_same_views_with_features_as_without(model, catalog, features):
    plain, _ = next(iter(make_dataset(catalog, model.preprocessor, batch_size=14)))
    kept, _ = next(iter(make_dataset(catalog, model.preprocessor, batch_size=14, features=features)))
    assert {"image", "token_ids"}.isdisjoint(kept)
    for view, vectors in model(kept).items():
        np.testing.assert_allclose(vectors, model(plain)[view], atol=1e-5, err_msg=view)


@pytest.mark.parametrize("frozen", [[], ["image_encoder"], ["text_encoder"]])
def test_only_frozen_towers_are_computed(catalog, frozen):
    found = frozen_features(frozen_model(catalog, *frozen)[0], catalog.take(np.arange(3)))
    names = {"image_encoder": {"image_features"}, "text_encoder": {"text_features", "has_text"}}
    assert found.keys() == set().union(*(names[tower] for tower in frozen))


def test_first_view_is_plain_and_the_others_are_not(model, catalog, features):
    found = frozen_features(model, catalog, views=3, seed=4)
    for name in ("image_features", "text_features"):
        assert found[name].shape[1] == 3
        np.testing.assert_allclose(found[name][:, 0], features[name][:, 0], atol=1e-5)
        assert abs(found[name][:, 1] - found[name][:, 2]).max() > 1e-3
        assert abs(found[name][:, 1] - found[name][:, 0]).max() > 1e-3


def test_training_draws_among_the_views(model, catalog):
    marked = np.tile(np.arange(3, dtype=np.float32)[None, :, None], (14, 1, 64))
    kept = {"image_features": marked}
    options = {"batch_size": 14, "training": True, "features": kept}
    seen = [next(iter(make_dataset(catalog, model.preprocessor, seed=s, **options)))[0] for s in range(4)]
    drawn = np.concatenate([inputs["image_features"][:, 0] for inputs in seen])
    assert set(drawn.tolist()) == {0.0, 1.0, 2.0}
    plain, _ = next(iter(make_dataset(catalog, model.preprocessor, batch_size=14, features=kept)))
    assert not np.asarray(plain["image_features"]).any()


def test_what_lies_in_the_folder_is_read_not_computed(model, catalog, features, tmp_path, monkeypatch):
    frozen_features(model, catalog, folder=tmp_path)
    assert sorted(path.name.partition("-")[0] for path in tmp_path.iterdir()) == ["image", "text"]
    monkeypatch.setattr(module._Keeper, "_compute", None)
    again = frozen_features(model, catalog, folder=tmp_path)
    assert again.keys() == features.keys()
    for name, values in again.items():
        np.testing.assert_allclose(values, features[name], atol=1e-6)


def test_first_of_several_kept_views_is_read_where_one_is_wanted(model, catalog, features, tmp_path, monkeypatch):
    frozen_features(model, catalog, views=3, augment=1.0, typed=0.5, seed=4, folder=tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(module._Keeper, "_compute", None)
        first = frozen_features(model, catalog, folder=tmp_path)
    for name, values in features.items():
        assert first[name].shape == values.shape
        np.testing.assert_allclose(first[name], values, atol=1e-5)
    for path in tmp_path.iterdir():  # what a name stands for may be removed
        if not path.is_symlink():
            shutil.rmtree(path)
    again = frozen_features(model, catalog, folder=tmp_path)
    np.testing.assert_allclose(again["image_features"], first["image_features"], atol=1e-5)


def test_key_changes_with_weights_preprocessing_and_data(catalog, tmp_path):
    model = frozen_model(catalog, "image_encoder", "text_encoder")[0]
    image, text = model.image_encoder, model.text_encoder
    keys = [feature_key("image", image, catalog, OPTIONS), feature_key("text", text, catalog, OPTIONS)]
    assert keys == [feature_key("image", image, catalog, OPTIONS), feature_key("text", text, catalog, OPTIONS)]
    path = catalog.image_paths()[0]
    state = Path(path).stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    keys.append(feature_key("image", image, catalog, OPTIONS))
    keys.append(feature_key("image", image, catalog.take(np.arange(3)), OPTIONS))
    keys.append(feature_key("text", text, catalog.take(np.arange(3)), OPTIONS))
    keys.append(feature_key("text", text, catalog, {**OPTIONS, "views": 2, "seed": 1}))
    image.mean = 100.0
    keys.append(feature_key("image", image, catalog, OPTIONS))
    text.weights[0].assign_add(keras.ops.ones_like(text.weights[0]) * 1e-3)
    keys.append(feature_key("text", text, catalog, OPTIONS))
    assert len(set(keys)) == len(keys)


def counted(monkeypatch):
    """Counts the products that each tower, or its frozen half, is computed for."""
    seen = {}
    plain = module._runner

    def runner(name, *arguments):
        run = plain(name, *arguments)

        def count(inputs):
            rows = run(inputs)
            kind = next(key for key in rows if key.startswith(name))
            seen[kind] = seen.get(kind, 0) + len(rows[kind])
            return rows

        return count

    monkeypatch.setattr(module, "_runner", runner)
    return seen


def test_fit_runs_a_frozen_tower_once_a_product(catalog, tiny_split, monkeypatch):
    model, config = frozen_model(catalog, "image_encoder", "text_encoder", overrides=["train.epochs=3"])
    seen = counted(monkeypatch)

    def never(*arguments, **options):
        raise AssertionError("the tower ran in a step")

    monkeypatch.setattr(product_model, "_run_tower", never)
    before = [np.copy(weight) for weight in model.image_encoder.get_weights()]
    val = tiny_split[1].take(np.arange(5))
    history = fit(model, catalog, val, config)
    watched = int(((val.table["image"] != "") & (val.table["title"] + val.table["description"] != "")).sum())
    assert seen == {"image_features": 14 + watched, "text_features": 14 + watched}
    assert history["loss"][-1] < history["loss"][0]
    for ours, old in zip(model.image_encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, old)


def test_loss_is_the_same_with_features_as_without(model, catalog, features):
    model.compile(loss=SigmoidMatchLoss(), run_eagerly=True, jit_compile=False)
    losses = []
    for kept in (None, features):
        inputs, groups = next(iter(make_dataset(catalog, model.preprocessor, batch_size=14, features=kept)))
        losses.append(float(model.compute_loss(x=inputs, y=groups, y_pred=model(inputs))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


DEEP = ["text.layers=3", "text.dropout=0", "image.blocks=[2]", "model.dropout=0", "model.modality_dropout=0"]
DEEP += ["optimizer.name=sgd"]  # AdamW makes a step of a gradient that is nothing but rounding


def half_frozen_model(catalog, *overrides):
    model, config = frozen_model(catalog, overrides=[*DEEP, "train.epochs=2", *overrides])
    freeze(model.image_encoder.backbone, 1)
    freeze(model.text_encoder.backbone, 1)
    return model, config


def test_kept_blocks_train_the_same_model(catalog, tiny_split, monkeypatch):
    val = tiny_split[1].take(np.arange(5))
    plain, config = half_frozen_model(catalog)
    fit(plain, catalog, val, config)
    model, config = half_frozen_model(catalog, "train.cached_blocks=true")
    seen = counted(monkeypatch)
    history = fit(model, catalog, val, config)
    assert set(seen) == {"image_hidden", "text_hidden"}
    assert seen["text_hidden"] < 14 + 5 + 1
    assert len(history["val_mrr"]) == 2
    start = half_frozen_model(catalog)[0]
    for ours, theirs, before in zip(model.weights, plain.weights, start.weights, strict=True):
        moved = np.abs(np.subtract(theirs, before)).max()
        np.testing.assert_allclose(ours, theirs, atol=0.05 * moved + 1e-7, err_msg=ours.path)


def test_halves_serve_the_epochs_of_the_heads_too(catalog, tiny_split, tmp_path, monkeypatch):
    model, config = half_frozen_model(catalog, "train.cached_blocks=true", f"train.feature_cache={tmp_path}")
    config = replace(config, train=replace(config.train, head_epochs=1))
    for section in ("text", "image"):  # heads come first where a tower came with weights
        config = replace(config, **{section: replace(getattr(config, section), pretrained="somewhere")})
    seen = counted(monkeypatch)
    before = [weight.numpy() for weight in model.text_encoder.trainable_variables]
    fit(model, catalog, tiny_split[1].take(np.arange(5)), config)
    assert set(seen) == {"image_hidden", "text_hidden", "image_features", "text_features"}
    assert len(set(seen.values())) == 1  # each once a product
    after = [weight.numpy() for weight in model.text_encoder.trainable_variables]
    moved = [np.abs(now - old).max() for now, old in zip(after, before, strict=True)]
    assert min(moved) > 0


def test_short_texts_are_filled_up_where_they_are_kept(catalog):
    model, _ = half_frozen_model(catalog)
    model.halves = {"text": cut(model.text_encoder)}
    whole = frozen_features(model, catalog, batch_size=14)
    apart = frozen_features(model, catalog, batch_size=1)
    assert whole["text_hidden"].dtype == np.float16
    for name in whole:
        np.testing.assert_allclose(whole[name], apart[name], atol=2e-3, err_msg=name)
    inputs, _ = next(iter(make_dataset(catalog, model.preprocessor, batch_size=14, features=whole)))
    assert inputs["text_hidden"].shape[1] == np.asarray(inputs["padding_mask"]).sum(axis=1).max()
    plain, _ = next(iter(make_dataset(catalog, model.preprocessor, batch_size=14)))
    np.testing.assert_allclose(model(inputs)["text"], model(plain)["text"], atol=2e-3)


def test_texts_may_have_more_views_than_pictures_and_be_queries(model, catalog, tmp_path):
    made = {"text_views": 5, "augment": 1.0, "seed": 4, "folder": tmp_path}
    found = frozen_features(model, catalog, typed=0.9, **made)
    assert (found["image_features"].shape[1], found["text_features"].shape[1]) == (1, 5)
    plain = frozen_features(model, catalog, **made)
    # Not to the last bit: how threads share the work is theirs to say.
    np.testing.assert_allclose(found["text_features"][:, 0], plain["text_features"][:, 0], atol=1e-6)
    assert not np.allclose(found["text_features"][:, 1:], plain["text_features"][:, 1:])
    text = model.text_encoder
    options = {"views": 5, "augment": 1.0, "seed": 4}
    keys = [feature_key("text", text, catalog, {**options, **more}) for more in ({}, {"typed": 0.9})]
    other = catalog.take(np.arange(len(catalog)))
    other.table["tags"] = "other"
    keys += [feature_key("text", text, other, {**options, **more}) for more in ({}, {"typed": 0.9})]
    assert keys[0] == keys[2]
    assert keys[1] != keys[3]  # queries have words of the tags
    assert {path.name for path in tmp_path.glob("text-*")} >= set(keys[:2])
