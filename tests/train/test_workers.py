"""Two processes that share a training, as two machines would: TF_CONFIG names both on this one."""

import contextlib
import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from product_matching.config import load_config
from product_matching.dataset import load_data
from product_matching.errors import ConfigError, TrainingError
from product_matching.model import build_model
from product_matching.train import devices_scope, fit
from product_matching.train.devices import from_chief, is_chief, told_of_lost_workers

# Without dropout, and without normalisation over a batch, which sees a worker's part alone.
OPTIONS = ["image.backbone=vit", "image.layers=1", "image.hidden_dim=16", "image.intermediate_dim=16", "image.size=16"]
OPTIONS += ["text.dropout=0.0", "model.dropout=0.0", "model.modality_dropout=0.0", "text.max_tokens=8"]
OPTIONS += [
    "optimizer.name=sgd",
    "optimizer.learning_rate=0.1",
    "train.epochs=2",
    "train.batch_size=8",
    "train.patience=0",
]

SCRIPT = """
import json, sys
import keras, numpy as np
from product_matching.config import load_config
from product_matching.dataset import load_data
from product_matching.model import build_model
from product_matching.train import devices_scope, fit
from product_matching.train.devices import from_chief, is_chief, on_one_device

shop, state, out, options = sys.argv[1:]
config = load_config("tiny", [*json.loads(options), "train.devices=workers"])
train, val, _ = load_data(shop).take(np.arange(60)).split(0)

class Interrupted(Exception):
    pass

class Interruption(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise Interrupted

def fitted(*callbacks, resume=False):
    model = build_model(config, train)
    return fit(model, train, val, config, callbacks=callbacks, checkpoints=state, resume=resume), model

with devices_scope(config):
    try:
        fitted(Interruption())
    except Interrupted:
        history, model = fitted(resume=True)
    told = from_chief(b"chief" * 7 if is_chief(config) else b"nobody").decode()
model = on_one_device(model)
np.savez(out, *model.get_weights(), about=json.dumps({"history": history, "told": told}))
"""


@pytest.mark.slow
def test_two_workers_stopped_and_resumed_learn_what_one_device_learns(tiny_shop, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    ports = _free_ports(2)
    with _started(0, tmp_path, tiny_shop.catalog, ports) as one, _started(1, tmp_path, tiny_shop.catalog, ports) as two:
        history, weights = _on_one_device(tiny_shop.catalog)
        for worker in (one, two):
            errors = worker.communicate(timeout=280)[1]
            assert worker.returncode == 0, errors[-2000:]
    for place in range(2):
        with np.load(tmp_path / f"weights{place}.npz") as found:
            about = json.loads(str(found["about"]))
            ours = [found[f"arr_{number}"] for number in range(len(weights))]
        assert about["told"] == "chief" * 7
        for name in ("loss", "val_mrr"):
            np.testing.assert_allclose(about["history"][name], history[name], rtol=1e-4)
        off = max(float(np.abs(one - other).max()) for one, other in zip(ours, weights, strict=True))
        assert off < 1e-5
    assert (tmp_path / "state0" / "training.npz").is_file()
    assert not (tmp_path / "state1").exists()  # the chief alone writes


def test_alone_a_process_is_the_chief_and_hears_itself(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", _cluster([1, 2], place=1))
    assert is_chief(load_config("tiny"))  # whatever TF_CONFIG says, where workers do not share the training
    assert from_chief(b"alone") == b"alone"


@pytest.mark.parametrize(("place", "chief"), [(0, True), (1, False)])
def test_the_first_worker_is_the_chief(place, chief, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", _cluster([1, 2], place))
    assert is_chief(load_config("tiny", ["train.devices=workers"])) is chief


def test_where_tf_config_has_a_chief_the_first_worker_is_none(monkeypatch):
    cluster = {"chief": ["127.0.0.1:1"], "worker": ["127.0.0.1:2"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}))
    config = load_config("tiny", ["train.devices=workers"])
    assert not is_chief(config)
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "chief", "index": 0}}))
    assert is_chief(config)


def test_workers_without_tf_config_are_refused(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="TF_CONFIG names none"):
        devices_scope(load_config("tiny", ["train.devices=workers"]))


def test_a_lost_worker_is_told_with_the_way_on():
    config = load_config("tiny", ["train.devices=workers"])
    lost = tf.errors.UnavailableError(None, None, "Collective ops is aborted")
    with pytest.raises(TrainingError, match="--resume"), told_of_lost_workers(config):
        raise lost
    with pytest.raises(tf.errors.UnavailableError), told_of_lost_workers(load_config("tiny")):
        raise lost


def _on_one_device(shop):
    config = load_config("tiny", OPTIONS)
    train, val, _ = load_data(shop).take(np.arange(60)).split(0)
    model = build_model(config, train)
    return fit(model, train, val, config), model.get_weights()


@contextlib.contextmanager
def _started(place, folder, shop, ports):
    words = [sys.executable, "script.py", shop, f"state{place}", f"weights{place}.npz", json.dumps(OPTIONS)]
    process = subprocess.Popen(
        words, cwd=folder, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={
            **os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(sys.path),
            "TF_CONFIG": _cluster(ports, place),
        },
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


def _cluster(ports, place):
    workers = [f"127.0.0.1:{port}" for port in ports]
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": place}})


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
