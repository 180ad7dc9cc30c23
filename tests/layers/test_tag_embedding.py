import keras
import numpy as np
import pytest

from product_matching.layers import TagEmbedding


@pytest.fixture
def layer():
    return TagEmbedding(5, 3)


def test_one_tag_gives_its_row(layer):
    np.testing.assert_allclose(layer(np.eye(5, dtype=np.float32)), layer.embeddings, rtol=1e-6)


def test_sum_is_divided_by_the_root_of_the_number(layer):
    rows = np.asarray(layer.embeddings.value)
    found = layer(np.array([[1, 0, 1, 0, 0], [1, 1, 1, 1, 0]], np.float32))
    np.testing.assert_allclose(found[0], (rows[0] + rows[2]) / np.sqrt(2), rtol=1e-5)
    np.testing.assert_allclose(found[1], rows[:4].sum(axis=0) / 2, rtol=1e-5, atol=1e-7)


def test_no_tags_give_zeros(layer):
    assert not np.asarray(layer(np.zeros((2, 5), np.float32))).any()


def test_shop_without_tags_gives_zeros():
    layer = TagEmbedding(0, 3)
    found = layer(np.zeros((4, 0), np.float32))
    assert found.shape == (4, 3)
    assert not np.asarray(found).any()


def test_shape(layer):
    assert layer(np.ones((2, 5), np.float32)).shape == layer.compute_output_shape((2, 5)) == (2, 3)


def test_configuration_round_trips(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    assert again.embeddings.shape == (5, 3)


def test_half_precision_stays_finite(half_precision):
    found = TagEmbedding(3000, 3)(np.ones((2, 3000), np.float32))
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    assert np.isfinite(found).all()
