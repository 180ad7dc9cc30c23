import keras
import numpy as np
import pytest
import tensorflow as tf

from product_matching.config import load_config
from product_matching.dataset import make_dataset
from product_matching.errors import ConfigError
from product_matching.losses import SigmoidMatchLoss
from product_matching.model import build_model
from product_matching.model.chunks import in_chunks

pytestmark = pytest.mark.slow

ROWS, SIZE = 12, 4


def network():
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(8, activation="tanh"), keras.layers.BatchNormalization()]
    return keras.Sequential([keras.Input((5,)), *layers, keras.layers.Dropout(0.5, seed=3), keras.layers.Dense(3)])


def all_pairs(vectors):
    """A loss that no chunk can tell alone."""
    return tf.reduce_sum(tf.nn.softmax(vectors @ tf.transpose(vectors)) ** 2)


def test_gradients_and_states_are_those_of_the_chunks_one_by_one():
    x = np.random.default_rng(0).normal(size=(ROWS, 5)).astype("float32")
    found = []
    for chunked in (False, True):
        model = network()

        @tf.function
        def gradients(model=model, chunked=chunked):
            with tf.GradientTape() as tape:
                if chunked:
                    rows = {"x": x}
                    call = in_chunks(
                        lambda rows: {"v": model(rows["x"], training=True)}, rows, ["v"], SIZE, width=3, model=model
                    )
                    vectors = call["v"]
                else:
                    parts = [model(x[at : at + SIZE], training=True) for at in range(0, ROWS, SIZE)]
                    vectors = tf.concat(parts, axis=0)
                loss = all_pairs(vectors)
            return loss, tape.gradient(loss, [v.value for v in model.trainable_variables])

        loss, slopes = gradients()
        found.append([loss, *slopes, *(v.value for v in model.variables)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def plain_model(tiny_split):
    """A ViT and a BERT without dropout: nothing depends on where a batch is cut."""
    options = ["image.backbone=vit", "image.layers=1", "image.hidden_dim=16", "image.intermediate_dim=16"]
    options += ["text.dropout=0.0", "model.dropout=0.0", "model.modality_dropout=0.0"]
    return build_model(load_config("tiny", options), tiny_split[0])


@pytest.mark.parametrize("chunk", [4, 8])
def test_a_step_of_the_model_is_that_of_the_whole_batch(plain_model, tiny_split, chunk):
    batch = next(iter(make_dataset(tiny_split[0], plain_model.preprocessor, batch_size=16)))
    start, ended = plain_model.get_weights(), []
    for size in (0, chunk):
        plain_model.set_weights(start)
        plain_model.compile(optimizer=keras.optimizers.SGD(0.1), loss=SigmoidMatchLoss())
        plain_model.chunk_size = size
        loss = plain_model.train_on_batch(*batch)
        ended.append([loss, *plain_model.get_weights()])
    plain_model.chunk_size = 0
    plain_model.set_weights(start)
    for ours, theirs in zip(*ended, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_size_that_does_not_divide_the_batch_is_refused():
    with pytest.raises(ConfigError, match=r"train.chunk_size divides train.batch_size \(32\)"):
        load_config("tiny", ["train.chunk_size=5"])


def test_half_precision_learns_in_chunks(half_precision, tiny_split):
    model = build_model(load_config("tiny", ["train.mixed_precision=mixed_float16"]), tiny_split[0])
    batch = next(iter(make_dataset(tiny_split[0], model.preprocessor, batch_size=16)))
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss=SigmoidMatchLoss())
    model.chunk_size = 8
    losses = [model.train_on_batch(*batch) for _ in range(4)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
