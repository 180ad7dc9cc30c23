import numpy as np
import pytest
import tensorflow as tf

from product_matching.losses import imitation_loss


def naive(teacher, student, kept, tau):
    """The definition in float64, one pair after another."""

    def softmax(scores, at):
        values = {k: np.exp((scores[k] - max(scores[m] for m in at)) / tau) for k in at}
        return {k: value / sum(values.values()) for k, value in values.items()}

    def mean_divergence(t, s, mask):
        found = []
        for i in range(len(t)):
            at = [j for j in range(t.shape[1]) if mask[i, j]]
            if at:
                p, q = softmax(t[i], at), softmax(s[i], at)
                found.append(sum(p[j] * np.log(p[j] / q[j]) for j in at))
        return np.mean(found) if found else 0.0

    both = mean_divergence(teacher, student, kept) + mean_divergence(teacher.T, student.T, kept.T)
    return tau**2 / 2 * both


def draw(shape, seed=0):
    rng = np.random.default_rng(seed)
    teacher, student = rng.normal(scale=3, size=(2, *shape)).astype("float32")
    return teacher, student, rng.random(shape) < 0.7


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (3, 7)])
@pytest.mark.parametrize("tau", [1.0, 2.5])
def test_equals_a_double_loop(shape, tau):
    for seed in range(3):
        teacher, student, kept = draw(shape, seed)
        expected = naive(teacher.astype(float), student.astype(float), kept, tau)
        assert float(imitation_loss(teacher, student, kept, temperature=tau)) == pytest.approx(expected, rel=1e-4)


def test_nothing_is_left_to_learn_where_the_scores_differ_by_a_number():
    teacher, _, kept = draw((6, 6))
    student = tf.Variable(teacher - 4.8)
    with tf.GradientTape() as tape:
        loss = imitation_loss(teacher, tf.convert_to_tensor(student), kept, temperature=2.0)
    assert float(loss) == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, student), 0, atol=1e-6)


def test_what_is_left_out_is_as_if_it_were_not_there():
    teacher, student, kept = draw((5, 6))
    kept[:, 2], kept[3] = False, False
    less = [np.delete(np.delete(x, 2, axis=1), 3, axis=0) for x in (teacher, student, kept)]
    assert float(imitation_loss(teacher, student, kept)) == pytest.approx(float(imitation_loss(*less)), rel=1e-5)
    variable = tf.Variable(student)
    with tf.GradientTape() as tape:
        loss = imitation_loss(teacher, tf.convert_to_tensor(variable), kept)
    slope = tape.gradient(loss, variable).numpy()
    assert np.isfinite(slope).all()
    assert not slope[~kept].any()
    assert slope[kept].any()


def test_nothing_kept_costs_nothing():
    assert float(imitation_loss(np.ones((2, 3)), np.zeros((2, 3)), np.zeros((2, 3), bool))) == 0
