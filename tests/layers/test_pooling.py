import keras
import numpy as np
import pytest

from product_matching.layers.pooling import (
    AttentionPooling,
    GeneralizedMeanPooling,
    cls_pooling,
    last_pooling,
    mean_pooling,
)

SEQUENCE = np.array([[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]], np.float32)
MASK = np.array([[True, True, False], [True, True, True]])
NOTHING = np.zeros((2, 3), bool)


@pytest.mark.parametrize(
    ("pool", "hand"),
    [
        (cls_pooling, [[1, 2], [7, 8]]),
        (mean_pooling, [[2, 3], [9, 10]]),
        (last_pooling, [[3, 4], [11, 12]]),
        (AttentionPooling(), [[2, 3], [9, 10]]),
    ],
)
def test_pooled_by_hand(pool, hand):
    np.testing.assert_allclose(pool(SEQUENCE, MASK), hand, atol=1e-6)
    assert np.isfinite(np.asarray(pool(SEQUENCE, NOTHING))).all()


def test_attention_is_the_softmax_by_hand():
    pool = AttentionPooling()
    pool.build((None, None, 2))
    pool.query.assign([[0.5], [-0.25]])
    scores = SEQUENCE @ np.array([0.5, -0.25])
    weights = np.exp(scores) * MASK
    weights /= weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pool(SEQUENCE, MASK), (SEQUENCE * weights[..., None]).sum(axis=1), atol=1e-5)


@pytest.mark.parametrize("power", [1.0, 3.0, 60.0])
def test_generalised_mean_by_hand(power):
    found = np.asarray(GeneralizedMeanPooling(power=power)(SEQUENCE))
    np.testing.assert_allclose(found, (SEQUENCE.astype(float) ** power).mean(axis=1) ** (1 / power), rtol=1e-4)


def test_generalised_mean_lies_between_mean_and_maximum():
    found = np.asarray(GeneralizedMeanPooling()(SEQUENCE))
    assert (found > SEQUENCE.mean(axis=1)).all()
    assert (found < SEQUENCE.max(axis=1)).all()


@pytest.mark.parametrize("cls", [AttentionPooling, GeneralizedMeanPooling])
def test_configuration_round_trips(cls):
    layer = cls(name="pool")
    assert keras.layers.deserialize(keras.layers.serialize(layer)).get_config() == layer.get_config()


def test_zeros_have_a_gradient_when_made_unit():
    import tensorflow as tf

    from product_matching.layers.unit import unit

    vectors = tf.Variable([[3.0, 4.0], [0.0, 0.0]])
    with tf.GradientTape() as tape:
        made = unit(vectors)
        total = tf.reduce_sum(made)
    np.testing.assert_allclose(made, [[0.6, 0.8], [0.0, 0.0]], atol=1e-6)
    assert np.isfinite(tape.gradient(total, vectors)).all()
