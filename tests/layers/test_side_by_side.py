import numpy as np
import pytest
from keras import ops

from product_matching.layers.side_by_side import side_by_side


def by_hand(rows):
    rows = np.asarray(rows, np.float64)
    return (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)


def test_each_part_has_mean_0_and_deviation_1_whatever_its_scale():
    generator = np.random.default_rng(0)
    small, large = generator.normal(0, 0.05, (3, 7)), 100 + 30 * generator.normal(size=(3, 4))
    joined = np.asarray(side_by_side(small.astype("float32"), large.astype("float32")))
    expected = np.concatenate([by_hand(small), by_hand(large)], axis=1)
    np.testing.assert_allclose(joined, expected, atol=5e-3)  # but for its epsilon
    np.testing.assert_allclose([joined.mean(axis=1), joined.std(axis=1)], [[0] * 3, [1] * 3], atol=1e-3)


def test_half_precision_becomes_float32():
    joined = side_by_side(ops.ones((2, 3), "bfloat16"), ops.ones((2, 2), "float16"))
    assert joined.dtype == "float32"
    assert joined.shape == (2, 5)


def test_a_constant_vector_has_a_gradient_that_is_a_number():
    tf = pytest.importorskip("tensorflow")
    vector = tf.ones([1, 4])
    with tf.GradientTape() as tape:
        tape.watch(vector)
        total = tf.reduce_sum(side_by_side(vector) * tf.constant([1.0, 2.0, 3.0, 4.0]))
    assert np.isfinite(tape.gradient(total, vector)).all()
