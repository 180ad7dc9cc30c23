import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import contextlib, json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
import keras
import numpy as np
from product_matching.config import OptimizerConfig, load_config
from product_matching.dataset import load_data, make_dataset
from product_matching.losses import InfoNCELoss, SigmoidMatchLoss
from product_matching.model import build_model
from product_matching.optimizer import build_optimizer

# Without dropout, and without normalisation over a batch, which sees a replica's part alone.
options = ["image.backbone=vit", "image.layers=1", "image.hidden_dim=16", "image.intermediate_dim=16", "image.size=16"]
steps = OptimizerConfig(name="sgd", learning_rate=0.5, clip_norm=0.1)  # less than what one replica has
options += ["text.dropout=0.0", "model.dropout=0.0", "model.modality_dropout=0.0", "text.max_tokens=8"]
catalog = load_data(sys.argv[1]).take(np.arange(16))

def fitted(replicas, loss):
    devices = [f"CPU:{i}" for i in range(replicas)]
    scope = tf.distribute.MirroredStrategy(devices).scope() if replicas > 1 else contextlib.nullcontext()
    with scope:
        keras.utils.set_random_seed(0)
        model = build_model(load_config("tiny", options), catalog)
        model.compile(optimizer=build_optimizer(steps, steps=2), loss=loss(), jit_compile=False)
        batches = make_dataset(catalog, model.preprocessor, batch_size=8)
        history = model.fit(batches, epochs=1, verbose=0, shuffle=False)
    return history.history["loss"], model.get_weights()

replicas = int(sys.argv[2])
loss = {2: InfoNCELoss, 4: SigmoidMatchLoss}[replicas]  # each once: a step on replicas takes long to trace
wanted, weights = fitted(1, loss)
losses, ours = fitted(replicas, loss)
off = max(float(np.abs(a - b).max()) for a, b in zip(ours, weights))
print(json.dumps({"loss": abs(losses[0] - wanted[0]) / wanted[0], "weights": off}))
"""


@pytest.mark.parametrize("replicas", [2, 4])
def test_steps_on_replicas_are_those_of_one_device(replicas, tiny_shop, tmp_path):
    # Virtual devices are made before TensorFlow wakes up, and collectives remember their groups: a process each.
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", tiny_shop.catalog, str(replicas)],
        capture_output=True, text=True, check=False, timeout=280,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    difference = json.loads(done.stdout.splitlines()[-1])
    assert difference["loss"] < 1e-5
    assert difference["weights"] < 1e-5
