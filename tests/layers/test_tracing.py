import keras
import numpy as np
import pytest

from product_matching.layers import tracing
from product_matching.layers.tracing import COMPILE_AFTER, TracedCall


@pytest.fixture
def network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, 8))
    hidden = keras.layers.MultiHeadAttention(2, 4)(inputs, inputs)
    return keras.Model(inputs, keras.layers.LayerNormalization()(keras.layers.Dense(8, "gelu")(hidden)))


@pytest.mark.parametrize("compiled", [False, True])
def test_what_it_gives_is_what_the_model_gives(network, compiled):
    run = TracedCall(network, compiled=compiled)
    for length in (3, 5):
        x = np.random.default_rng(length).normal(size=(4, length, 8)).astype("float32")
        expected = np.asarray(network(x))
        for _ in range(COMPILE_AFTER + 2):
            np.testing.assert_allclose(np.asarray(run(x)), expected, atol=1e-5)


def test_only_shapes_that_come_often_are_compiled(network):
    run, x = TracedCall(network, compiled=True), np.zeros((2, 3, 8), "float32")
    for _ in range(COMPILE_AFTER):
        run(x)
    assert run._fused.experimental_get_tracing_count() == 0
    run(x)
    run(x)
    run(np.zeros((2, 4, 8), "float32"))
    assert run._fused.experimental_get_tracing_count() == 1


def test_other_weights_are_seen_once_compiled_too(network, monkeypatch):
    monkeypatch.setattr(tracing, "COMPILE_AFTER", 0)
    run, x = TracedCall(network, compiled=True), np.ones((2, 3, 8), "float32")
    run(x)
    network.set_weights([weight + 0.1 for weight in network.get_weights()])
    np.testing.assert_allclose(np.asarray(run(x)), np.asarray(network(x)), atol=1e-5)


class NotForXla(keras.Model):
    """Looks words up, which XLA cannot."""

    def call(self, inputs):
        import tensorflow as tf

        return tf.strings.to_number(tf.strings.as_string(inputs))


def test_what_cannot_be_compiled_is_run_as_a_graph(monkeypatch):
    monkeypatch.setattr(tracing, "COMPILE_AFTER", 0)
    run, x = TracedCall(NotForXla(), compiled=True), np.array([[1.0, 2.0]], "float32")
    for _ in range(2):
        np.testing.assert_allclose(np.asarray(run(x)), x)
