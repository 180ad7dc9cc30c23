from math import erf

import keras
import numpy as np
import pytest

from product_matching.layers import Projection


@pytest.mark.parametrize("shape", [(2, 6), (2, 5, 6)])
def test_shape(shape):
    layer = Projection(4, hidden_dim=8)
    assert layer(np.ones(shape, np.float32)).shape == (*shape[:-1], 4)
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *shape[1:-1], 4)


def test_equals_the_formula_in_numpy():
    layer = Projection(4, hidden_dim=8)
    inputs = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    found = layer(inputs)
    weights = {weight.path.split("/", 1)[1]: np.asarray(weight.value, float) for weight in layer.weights}
    centred = inputs - inputs.mean(axis=1, keepdims=True)
    normal = centred / np.sqrt(inputs.var(axis=1, keepdims=True) + 1e-3)
    normal = normal * weights["norm/gamma"] + weights["norm/beta"]
    hidden = normal @ weights["hidden/kernel"] + weights["hidden/bias"]
    gelu = hidden * 0.5 * (1 + np.vectorize(erf)(hidden / np.sqrt(2)))
    hand = normal @ weights["linear/kernel"] + weights["linear/bias"]
    hand += gelu @ weights["out/kernel"] + weights["out/bias"]
    np.testing.assert_allclose(found, hand, atol=1e-4)


def test_length_of_the_input_does_not_matter():
    layer = Projection(4, hidden_dim=8)
    inputs = 100 * np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    np.testing.assert_allclose(layer(inputs), layer(10 * inputs), atol=1e-3)


def test_dropout_acts_in_training_alone():
    layer = Projection(4, hidden_dim=64, dropout=0.5)
    inputs = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    np.testing.assert_array_equal(layer(inputs), layer(inputs))
    assert not np.allclose(layer(inputs, training=True), layer(inputs))


def test_inputs_are_dropped_in_training_and_the_rest_is_scaled():
    layer = Projection(4, hidden_dim=8, dropout=0.0, input_dropout=0.5)
    inputs = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    np.testing.assert_array_equal(layer(inputs), layer(inputs))
    # Without the hidden part it is linear, so the mean over many draws is what is computed without.
    layer._out.set_weights([np.zeros((8, 4)), np.zeros(4)])
    many = np.asarray(layer(np.tile(inputs, (4000, 1)), training=True)).reshape(4000, 3, 4)
    np.testing.assert_allclose(many.mean(axis=0), layer(inputs), atol=0.1)
    assert not np.allclose(layer(inputs, training=True), layer(inputs))


def test_configuration_round_trips():
    layer = Projection(4, hidden_dim=8, dropout=0.3, input_dropout=0.5, name="image")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


def test_half_precision_stays_finite(half_precision):
    layer = Projection(4, hidden_dim=8)
    found = layer(1000 * np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32))
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    assert np.isfinite(found).all()
