import keras
import numpy as np
import pytest
import tensorflow as tf

from product_matching.losses import SigmoidMatchLoss


def draw(rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.choice([-1.0, 0.0, 1.0], size=(rows, columns))
    return z.astype(np.float32), rng.normal(scale=4, size=(rows, columns)).astype(np.float32)


def naive(z, scores):
    """The definition in float64, a pair at a time."""
    total = 0.0
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            if z[i, j]:
                total -= np.log(1 / (1 + np.exp(-float(z[i, j]) * float(scores[i, j]))))
    return total / z.shape[0]


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (3, 7), (16, 16)])
def test_equals_a_double_loop(shape):
    z, scores = draw(*shape)
    assert float(SigmoidMatchLoss()(z, scores)) == pytest.approx(naive(z, scores), rel=1e-6)


def test_score_zero_costs_log_two_a_pair():
    z = 2 * np.eye(4, dtype=np.float32) - 1
    assert float(SigmoidMatchLoss()(z, np.zeros((4, 4), np.float32))) == pytest.approx(4 * np.log(2))


@pytest.mark.parametrize(("score", "cost"), [(1e4, 0.0), (-1e4, 1e4)])
def test_extreme_scores_cost_what_they_should(score, cost):
    assert float(SigmoidMatchLoss()(np.ones((1, 1), np.float32), np.full((1, 1), score, np.float32))) == cost
    assert float(SigmoidMatchLoss()(-np.ones((1, 1), np.float32), np.full((1, 1), -score, np.float32))) == cost


@pytest.mark.parametrize("score", [1e4, -1e4])
def test_gradient_is_finite_at_extreme_scores(score):
    scores = tf.Variable([[score, -score]])
    with tf.GradientTape() as tape:
        loss = SigmoidMatchLoss()(tf.constant([[1.0, -1.0]]), scores)
    np.testing.assert_allclose(np.abs(tape.gradient(loss, scores)), np.full((1, 2), float(score < 0)))


def test_gradient_equals_finite_differences():
    z, scores = draw(4, 4, seed=3)
    variable = tf.Variable(scores)
    with tf.GradientTape() as tape:
        loss = SigmoidMatchLoss()(z, variable)
    step, found = 1e-5, np.zeros_like(scores, dtype=float)
    for index in np.ndindex(scores.shape):
        above, below = scores.astype(float), scores.astype(float)
        above[index] += step
        below[index] -= step
        found[index] = (naive(z, above) - naive(z, below)) / (2 * step)
    np.testing.assert_allclose(tape.gradient(loss, variable), found, atol=1e-6)


def test_order_of_the_products_does_not_matter():
    z, scores = draw(6, 6)
    order = np.random.default_rng(1).permutation(6)
    shuffled = SigmoidMatchLoss()(z[order][:, order], scores[order][:, order])
    assert float(shuffled) == pytest.approx(float(SigmoidMatchLoss()(z, scores)), rel=1e-6)


def test_label_zero_leaves_a_pair_out():
    z, scores = draw(4, 5)
    z[:, 2] = 0
    without = SigmoidMatchLoss()(np.delete(z, 2, axis=1), np.delete(scores, 2, axis=1))
    assert float(SigmoidMatchLoss()(z, scores)) == pytest.approx(float(without), rel=1e-6)


def test_left_out_score_gets_no_gradient():
    scores = tf.Variable([[3.0, -2.0]])
    with tf.GradientTape() as tape:
        loss = SigmoidMatchLoss()(tf.constant([[1.0, 0.0]]), scores)
    assert tape.gradient(loss, scores)[0, 1] == 0


def test_without_reduction_each_row_has_its_loss():
    z, scores = draw(3, 4)
    rows = SigmoidMatchLoss(reduction="none")(z, scores)
    np.testing.assert_allclose(rows, [naive(z[i : i + 1], scores[i : i + 1]) for i in range(3)], rtol=1e-6)


def test_configuration_round_trips():
    loss = SigmoidMatchLoss(reduction="sum", name="match")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (type(again), again.name, again.reduction) == (SigmoidMatchLoss, "match", "sum")
    z, scores = draw(3, 3)
    assert float(again(z, scores)) == float(loss(z, scores))
