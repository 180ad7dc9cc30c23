import functools

import keras
import numpy as np
import pandas as pd
import pytest

from product_matching.config import load_config
from product_matching.dataset import Catalog
from product_matching.errors import CheckpointError, TrainingError
from product_matching.eval import embed_catalog
from product_matching.model import ProductModel, build_model
from product_matching.train import CollapseGuard, LossGuard, RetrievalMonitor, fit
from product_matching.train.guards import mean_cosine

pytestmark = pytest.mark.slow

SMALL = ["image.size=16", "image.filters=[64]", "image.blocks=[1]", "text.max_tokens=8", "train.batch_size=6"]


@pytest.fixture
def without_graphs(monkeypatch):
    """A fit of a few steps is over before its graph would be built."""
    eager = functools.partialmethod(ProductModel.compile, run_eagerly=True)
    monkeypatch.setattr(ProductModel, "compile", eager)


def test_loss_falls(training):
    losses = training[1]["loss"]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    assert losses[1] < losses[0]


def test_history_watches_retrieval_among_validation_products(training, tiny_split):
    model, history = training
    words = tiny_split[1].table["title"] + tiny_split[1].table["description"]
    val = tiny_split[1].take(((tiny_split[1].table["image"] != "") & (words != "")).to_numpy())
    views, groups = embed_catalog(model, val), val.groups()
    scores = views["text"] @ views["image"].T
    ranks = []
    for row, line in enumerate(scores):
        ranks.append(1 + (line > line[groups == groups[row]].max()).sum())
    assert history["val_recall@10"][-1] == pytest.approx(np.mean(np.array(ranks) <= 10))
    assert history["val_mrr"][-1] == pytest.approx(np.mean(1 / np.array(ranks)))


def test_same_seed_gives_the_same_weights(without_graphs, tiny_split):
    train, nothing = tiny_split[0].take(np.arange(12)), tiny_split[1].take(np.arange(0))

    def weights():
        config = load_config("tiny", [*SMALL, "seed=1", "train.epochs=1"])
        model = build_model(config, train)
        start = model.get_weights()
        fit(model, train, nothing, config)
        return start, model.get_weights()

    (start, first), (_, again) = weights(), weights()
    for ours, theirs in zip(first, again, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert any(not np.allclose(before, after) for before, after in zip(start, first, strict=True))


def test_seed_draws_the_first_weights(tiny_split):
    models = [build_model(load_config("tiny", [*SMALL, f"seed={seed}"]), tiny_split[0]) for seed in (1, 2)]
    kernels = [model.project_text.weights[-2].numpy() for model in models]
    assert not np.allclose(*kernels)


def test_more_callbacks_are_called_and_no_validation_is_needed(without_graphs, tiny_split):
    train, nothing = tiny_split[0].take(np.arange(3)), tiny_split[1].take(np.arange(0))
    config, seen = load_config("tiny", [*SMALL, "train.epochs=1", "train.augment=0"]), []
    counter = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    history = fit(build_model(config, train), train, nothing, config, callbacks=[counter])
    assert seen == [0]
    assert set(history) == {"loss"}


class Scripted:
    """A model of one weight, which counts epochs, whose texts find their images as scripted."""

    optimizer = None

    def __init__(self, found):
        self.found, self.epoch, self.stop_training = found, 0, False
        self.weights = [np.zeros(1)]

    def predict(self, batches, verbose):
        hits, count = self.found[self.epoch], 20
        images = np.eye(count, dtype=np.float32)
        texts = images.copy()
        texts[hits:] = -images[hits:]  # last, behind all others
        return {"image": images, "text": texts}

    def get_weights(self):
        return [self.weights[0].copy()]

    def set_weights(self, weights):
        self.weights = weights


def run(found, patience):
    """Epochs run, epoch whose weights are left, and the logs."""
    rows = {name: [""] * 20 for name in ("product_id", "description", "tags")}
    table = pd.DataFrame({**rows, "image": ["a.jpg"] * 20, "title": [f"鞋 {i}" for i in range(20)]})
    monitor, model, logs = RetrievalMonitor(Catalog(table), patience=patience), Scripted(found), []
    monitor.set_model(model)
    monitor.batches = None
    for epoch in range(len(found)):
        model.epoch, model.weights = epoch, [np.full(1, float(epoch))]
        logs.append({})
        monitor.on_epoch_end(epoch, logs[-1])
        if model.stop_training:
            break
    monitor.on_train_end()
    return len(logs), int(model.weights[0][0]), logs


@pytest.mark.parametrize(
    ("found", "patience", "epochs", "kept"),
    [
        ([5, 9, 8, 7, 20], 2, 4, 1),
        ([5, 9, 8, 10, 9, 9, 20], 2, 6, 3),
        ([9, 9, 20], 1, 2, 0),
        ([5, 6, 7], 1, 3, 2),
        ([9, 8, 7], 5, 3, 0),
        ([9, 8, 7], 0, 3, 2),
        ([0, 0, 5], 1, 2, 0),
    ],
)
def test_patience_stops_and_puts_the_best_weights_back(found, patience, epochs, kept):
    assert run(found, patience)[:2] == (epochs, kept)


def test_monitor_logs_the_share_of_texts_that_find_their_image():
    logs = run([5, 20], 0)[2]
    assert [log["val_recall@10"] for log in logs] == [0.25, 1.0]
    # 15 of 20 texts find their image last, at rank 20.
    assert logs[0]["val_mrr"] == pytest.approx(0.25 + 0.75 / 20)


def test_monitor_starts_anew_with_each_fit(tiny_split, tiny_model):
    monitor = RetrievalMonitor(tiny_split[1], patience=1)
    monitor.set_model(tiny_model)
    monitor.best, monitor.best_epoch, monitor.best_weights = 0.9, 7, [np.zeros(1)]
    monitor.on_train_begin()
    assert (monitor.best, monitor.best_epoch, monitor.best_weights) == (-1.0, 0, None)


# Going on after a stop ------------------------------------------------------------------------------------------------


class Stop(keras.callbacks.Callback):
    """Ends a fit in the middle of an epoch, as a kill does: no callback hears of it."""

    def on_train_batch_end(self, batch, logs=None):
        self.seen = getattr(self, "seen", 0) + 1
        if self.seen == 5:
            raise KeyboardInterrupt


@pytest.mark.parametrize("extra", [[], ["optimizer.ema=0.9", "train.patience=3", "optimizer.accumulate=2"]])
def test_a_run_that_goes_on_ends_as_one_that_never_stopped(without_graphs, tiny_split, tmp_path, extra):
    train, val = tiny_split[0].take(np.arange(12)), tiny_split[1].take(np.arange(12))
    config = load_config("tiny", [*SMALL, "train.epochs=2", "train.batch_size=4", "train.augment=1", *extra])

    def model_and_history(**options):
        model = build_model(config, train)
        return model, fit(model, train, val, config, **options)

    whole, expected = model_and_history()
    with pytest.raises(KeyboardInterrupt):
        model_and_history(checkpoints=tmp_path, callbacks=[Stop()])
    resumed, history = model_and_history(checkpoints=tmp_path, resume=True)
    again, same = model_and_history(checkpoints=tmp_path, resume=True)  # nothing is left to do
    for model in (resumed, again):
        for ours, theirs in zip(model.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        assert history[name] == same[name] == pytest.approx(values, abs=1e-5)


def test_in_the_end_heads_are_the_mean_of_the_regression_and_of_what_was_learned(without_graphs, tiny_split, tmp_path):
    train, val = tiny_split[0].take(tiny_split[0].with_image_and_text()[:30]), tiny_split[1].take(np.arange(8))

    def trained(share, **options):
        changes = ["train.epochs=2", "train.batch_size=10", "train.linear_start=true", f"train.start_share={share}"]
        config = load_config("tiny", [*SMALL, *changes])
        model = build_model(config, train)
        model.text_encoder.trainable = model.image_encoder.trainable = False
        fit(model, train, val, config, **options)
        return model

    learned, start, mean = (trained(share) for share in (0.0, 1.0, 0.25))
    with pytest.raises(KeyboardInterrupt):
        trained(0.25, checkpoints=tmp_path, callbacks=[Stop()])
    resumed = trained(0.25, checkpoints=tmp_path, resume=True)
    again = trained(0.25, checkpoints=tmp_path, resume=True)  # nothing is left to do
    for head in ("project_image", "project_text"):
        before, after, *found = (getattr(one, head).get_weights() for one in (start, learned, mean, resumed, again))
        assert any(np.abs(one - other).max() > 1e-3 for one, other in zip(before, after, strict=True))
        for weights in found:
            for one, other, mixed in zip(before, after, weights, strict=True):
                np.testing.assert_allclose(mixed, 0.25 * one + 0.75 * other, atol=1e-5)
    for one in (mean, resumed):  # tags began at random
        np.testing.assert_allclose(one.tag_vectors(), learned.tag_vectors(), atol=1e-5)


def test_the_state_of_another_run_or_a_damaged_one_is_refused(without_graphs, tiny_split, tmp_path):
    train, nothing = tiny_split[0].take(np.arange(6)), tiny_split[1].take(np.arange(0))
    config, other = (load_config("tiny", [*SMALL, "train.epochs=1", f"seed={seed}"]) for seed in (0, 1))
    fit(build_model(config, train), train, nothing, config, checkpoints=tmp_path)
    with pytest.raises(CheckpointError, match="another configuration"):
        fit(build_model(other, train), train, nothing, other, checkpoints=tmp_path, resume=True)
    elsewhere = load_config("tiny", [*SMALL, "train.epochs=1", "seed=0", f"train.log_dir={tmp_path / 'log'}"])
    fit(build_model(elsewhere, train), train, nothing, elsewhere, checkpoints=tmp_path, resume=True)
    (tmp_path / "training.npz").write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="damaged"):
        fit(build_model(config, train), train, nothing, config, checkpoints=tmp_path, resume=True)


# Fits that lead nowhere -----------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_stops_with_advice(tiny_model):
    tiny_model.compile(optimizer="sgd")
    guard = LossGuard()
    guard.set_model(tiny_model)
    guard.on_epoch_begin(2)
    guard.on_train_batch_end(6, {"loss": 1e30})
    with pytest.raises(TrainingError, match=r"nan in epoch 3, batch 8.*learning_rate"):
        guard.on_train_batch_end(7, {"loss": float("nan")})


def test_collapsed_vectors_warn_then_stop(caplog):
    monitor = RetrievalMonitor(Catalog(pd.DataFrame(columns=["product_id", "image", "title", "description", "tags"])))
    guard, apart = CollapseGuard(monitor), np.eye(16)
    for views in ({"text": apart, "image": apart}, {"text": apart, "image": np.ones((16, 4)) / 2}):
        monitor.views = views
        guard.on_epoch_end(0)
    assert "images are nearly the same" in caplog.text
    with pytest.raises(TrainingError, match="collapsed"):
        guard.on_epoch_end(1)


def test_mean_cosine_is_that_of_all_pairs():
    vectors = np.random.default_rng(0).normal(size=(30, 5)) + 1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = (vectors @ vectors.T)[~np.eye(30, dtype=bool)]
    assert mean_cosine(vectors) == pytest.approx(pairs.mean())


def test_averaged_weights_are_those_of_the_definition(tiny_split):
    train, nothing = tiny_split[0].take(np.arange(6)), tiny_split[1].take(np.arange(0))
    config, steps = load_config("tiny", [*SMALL, "train.epochs=3", "optimizer.ema=0.5"]), []
    model = build_model(config, train)
    keep = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: steps.append(model.head.log_temperature.numpy())
    )
    fit(model, train, nothing, config, callbacks=[keep])
    # The first step starts the average; each later one counts half.
    expected = functools.reduce(lambda average, value: (average + value) / 2, steps)
    assert model.head.log_temperature.numpy() == pytest.approx(expected, abs=1e-7)
