"""The model on the JAX backend: the loss is TensorFlow's, and two devices learn what one learns."""

import importlib.util
import subprocess
import sys

import keras
import numpy as np
import pytest

from product_matching.config import load_config
from product_matching.dataset import load_data, make_dataset
from product_matching.losses import SigmoidMatchLoss
from product_matching.model import build_model

pytestmark = pytest.mark.slow

# The package's preprocessing is TensorFlow's on every backend; what learns is Keras'.
STILL = ["text.dropout=0", "model.dropout=0", "model.modality_dropout=0", "image.dropout=0"]
ON_JAX = """
import os, sys
os.environ |= {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
import keras, numpy as np
from product_matching.config import load_config
from product_matching.dataset import load_data, make_dataset
from product_matching.losses import SigmoidMatchLoss
from product_matching.model import build_model
from product_matching.train import fit
table, out, *changes = sys.argv[1:]
catalog, found = load_data(table, limit=40), {}
for name, devices in {"one": None, "two": keras.distribution.DataParallel()}.items():
    if devices:
        keras.distribution.set_distribution(devices)
    model = build_model(load_config("tiny", changes), catalog)
    if name == "one":
        model.save_weights(out + ".weights.h5")
    inputs, groups = next(iter(make_dataset(catalog, model.preprocessor, batch_size=16).as_numpy_iterator()))
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss=SigmoidMatchLoss())
    found[f"losses of {name}"] = [model.train_on_batch(inputs, groups) for _ in range(2)]
    found[f"weights of {name}"] = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
keras.distribution.set_distribution(None)
vit = load_config("tiny", [*changes, "train.epochs=1", "image.backbone=vit", "image.layers=1"])
model = build_model(vit, catalog)
found["losses of fit"] = fit(model, catalog, catalog.take(np.arange(0)), vit)["loss"]
found["compiled"], found["flash"] = model.jit_compile, keras.config.is_flash_attention_enabled()
np.savez(out, **found)
"""


@pytest.fixture(scope="module")
def on_jax(tiny_shop, tmp_path_factory):
    """(what JAX found, file of the weights it began with)."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    out = tmp_path_factory.mktemp("jax") / "found.npz"
    subprocess.run([sys.executable, "-c", ON_JAX, str(tiny_shop.catalog), str(out), *STILL], check=True)
    return np.load(out), f"{out}.weights.h5"


def test_two_devices_learn_what_one_learns(on_jax):
    found, _ = on_jax
    np.testing.assert_allclose(found["losses of two"], found["losses of one"], rtol=1e-5)
    np.testing.assert_allclose(found["weights of two"], found["weights of one"], atol=1e-6)


def test_products_without_a_picture_do_not_spoil_the_gradient(on_jax, tiny_shop):
    found, _ = on_jax
    assert (load_data(tiny_shop.catalog, limit=16).table["image"] == "").any()
    assert np.isfinite(found["weights of one"]).all()
    assert found["losses of one"][1] < found["losses of one"][0]


def test_the_loss_is_that_of_tensorflow(on_jax, tiny_shop):
    found, weights = on_jax
    catalog = load_data(tiny_shop.catalog, limit=40)
    model = build_model(load_config("tiny", STILL), catalog)
    model.load_weights(weights)
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss=SigmoidMatchLoss())
    inputs, groups = next(iter(make_dataset(catalog, model.preprocessor, batch_size=16)))
    losses = [float(model.train_on_batch(inputs, groups)) for _ in range(2)]
    np.testing.assert_allclose(losses, found["losses of one"], rtol=1e-4)


def test_fit_compiles_its_step_and_leaves_attention_of_odd_lengths_to_xla(on_jax):
    found, _ = on_jax
    assert np.isfinite(found["losses of fit"]).all()
    assert found["compiled"]
    assert found["flash"] == False  # noqa: E712  an array; None would let cuDNN try, and fail in training
