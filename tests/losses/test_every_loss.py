"""What each loss promises: equal to its definition, finite, right gradients, blind to order, deaf to left-out pairs."""

import functools
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from product_matching import losses
from product_matching.errors import ConfigError

# The definitions in float64, one pair after another.


def softplus(x):
    return float(np.logaddexp(0, x))


def naive_sigmoid_match(z, s):
    return [sum(abs(z[i, j]) * softplus(-np.sign(z[i, j]) * s[i, j]) for j in range(z.shape[1])) for i in range(len(z))]


def mean(pairs):
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total else 0.0


def naive_binary(z, s):
    rows = []
    for i in range(len(z)):
        columns = range(z.shape[1])
        matches = mean([(softplus(-s[i, j]), z[i, j]) for j in columns if z[i, j] > 0])
        others = mean([(softplus(s[i, j]), -z[i, j]) for j in columns if z[i, j] < 0])
        rows.append((matches + others) / 2)
    return rows


def surprise(scores, at, kept):
    values = [scores[k] for k in kept]
    top = max(values)
    return top + np.log(sum(np.exp(value - top) for value in values)) - scores[at]


def naive_categorical(z, s, smoothing=0.0, both=False):
    rows = []
    for i in range(len(z)):
        kept = [j for j in range(z.shape[1]) if z[i, j] != 0]
        total, cost = sum(z[i, j] for j in kept if z[i, j] > 0), 0.0
        for j in kept:
            if total <= 0:
                continue
            q = (1 - smoothing) * max(z[i, j], 0) / total + smoothing / len(kept)
            across = surprise(s[i], j, kept)
            down = surprise(s[:, j], i, [k for k in range(len(z)) if z[k, j] != 0])
            cost += q * ((across + down) / 2 if both else across)
        rows.append(cost)
    return rows


def naive_cosine_embedding(z, c, margin):
    rows = []
    for i in range(len(z)):
        columns = range(z.shape[1])
        matches = mean([(1 - c[i, j], z[i, j]) for j in columns if z[i, j] > 0])
        rows.append(matches + mean([(max(0, c[i, j] - margin), -z[i, j]) for j in columns if z[i, j] < 0]))
    return rows


def naive_triplet(z, c, margin):
    rows = []
    for i in range(len(z)):
        negatives = [c[i, k] for k in range(z.shape[1]) if z[i, k] < 0]
        costs = []
        for j in range(z.shape[1]):
            if z[i, j] > 0 and negatives:
                farther = [value for value in negatives if value < c[i, j]]
                chosen = max(farther) if farther else min(negatives)
                costs.append((max(0.0, margin - c[i, j] + chosen), z[i, j]))
        rows.append(mean(costs))
    return rows


DEFINITIONS = {
    losses.SigmoidMatchLoss: (losses.SigmoidMatchLoss(), naive_sigmoid_match),
    losses.BinaryMatchLoss: (losses.BinaryMatchLoss(), naive_binary),
    losses.CategoricalMatchLoss: (
        losses.CategoricalMatchLoss(label_smoothing=0.1),
        functools.partial(naive_categorical, smoothing=0.1),
    ),
    losses.InfoNCELoss: (
        losses.InfoNCELoss(label_smoothing=0.2),
        functools.partial(naive_categorical, smoothing=0.2, both=True),
    ),
    losses.CosineEmbeddingLoss: (
        losses.CosineEmbeddingLoss(margin=0.1),
        functools.partial(naive_cosine_embedding, margin=0.1),
    ),
    losses.TripletLoss: (losses.TripletLoss(margin=0.4), functools.partial(naive_triplet, margin=0.4)),
}
CASES = pytest.mark.parametrize(("loss", "definition"), DEFINITIONS.values(), ids=[c.__name__ for c in DEFINITIONS])


def draw(loss, rows, columns, seed=0, graded=True):
    rng = np.random.default_rng(seed)
    z = rng.choice([-1.0, 0.0, 1.0], size=(rows, columns), p=[0.6, 0.15, 0.25])
    if graded:
        z *= rng.choice([0.5, 1.0, 3.0], size=z.shape)
    if getattr(loss, "takes_cosine", False):
        return z.astype("float32"), rng.uniform(-1, 1, size=z.shape).round(1).astype("float32")  # rounded: ties
    return z.astype("float32"), rng.normal(scale=4, size=z.shape).astype("float32")


def rows_of(loss, z, scores):
    return np.asarray(loss.call(tf.constant(z), tf.constant(scores)))


def test_every_loss_has_its_definition():
    found = [thing for thing in vars(losses).values() if inspect.isclass(thing) and issubclass(thing, keras.Loss)]
    assert set(found) == set(DEFINITIONS)


@CASES
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 5), (3, 7), (16, 16)])
@pytest.mark.parametrize("seed", range(4))
def test_equals_a_double_loop(loss, definition, shape, seed):
    z, scores = draw(loss, *shape, seed=seed)
    expected = definition(z.astype(float), scores.astype(float))
    np.testing.assert_allclose(rows_of(loss, z, scores), expected, rtol=2e-5, atol=2e-6)
    assert float(loss(z, scores)) == pytest.approx(np.mean(expected), rel=2e-5, abs=2e-6)


@CASES
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_finite_at_extreme_scores(loss, definition, size):
    z = 2 * np.eye(3, dtype="float32") - 1
    for scores in (np.full((3, 3), size, "float32"), size * z):
        variable = tf.Variable(scores)
        with tf.GradientTape() as tape:
            value = loss(z, tf.convert_to_tensor(variable))
        assert np.isfinite(float(value))
        assert np.isfinite(tape.gradient(value, variable)).all()
        assert float(value) == pytest.approx(np.mean(definition(z.astype(float), scores.astype(float))), rel=1e-3)


@CASES
def test_gradient_equals_finite_differences(loss, definition):
    z, scores = draw(loss, 4, 5, seed=7)
    # Away from ties and hinges, where there is a derivative.
    scores += np.random.default_rng(1).uniform(0.011, 0.019, size=scores.shape).astype("float32")
    variable = tf.Variable(scores)
    with tf.GradientTape() as tape:
        value = loss(z, tf.convert_to_tensor(variable))
    step, expected = 1e-5, np.zeros(scores.shape)
    for index in np.ndindex(scores.shape):
        above, below = scores.astype(float), scores.astype(float)
        above[index] += step
        below[index] -= step
        rows = (definition(z.astype(float), moved) for moved in (above, below))
        expected[index] = (np.mean(next(rows)) - np.mean(next(rows))) / (2 * step)
    np.testing.assert_allclose(tape.gradient(value, variable), expected, atol=2e-5)


@CASES
def test_order_of_the_products_does_not_matter(loss, definition):
    z, scores = draw(loss, 6, 6, seed=3)
    order = np.random.default_rng(1).permutation(6)
    shuffled = rows_of(loss, z[order][:, order], scores[order][:, order])
    np.testing.assert_allclose(shuffled, rows_of(loss, z, scores)[order], rtol=1e-5, atol=1e-6)


@CASES
def test_what_is_left_out_is_as_if_it_were_not_there(loss, definition):
    z, scores = draw(loss, 5, 6, seed=5)
    z[:, 2] = 0
    without = rows_of(loss, np.delete(z, 2, axis=1), np.delete(scores, 2, axis=1))
    np.testing.assert_allclose(rows_of(loss, z, scores), without, rtol=1e-5, atol=1e-6)
    variable = tf.Variable(scores)
    with tf.GradientTape() as tape:
        value = loss(z, tf.convert_to_tensor(variable))
    assert not np.any(tape.gradient(value, variable)[:, 2])


@CASES
def test_row_of_which_all_is_left_out_costs_nothing(loss, definition):
    z, scores = draw(loss, 3, 4)
    z[1] = 0
    assert rows_of(loss, z, scores)[1] == 0


@CASES
def test_same_in_a_graph_of_unknown_shape_and_in_half_precision(loss, definition):
    z, scores = draw(loss, 6, 6, seed=2)
    shape = tf.TensorSpec([None, None])
    graph = tf.function(lambda labels, values: loss(labels, values), input_signature=[shape, shape])
    assert float(graph(z, scores)) == pytest.approx(float(loss(z, scores)), rel=1e-5)
    half = scores.astype("float16")
    expected = np.mean(definition(z.astype(float), half.astype(float)))
    assert float(loss(z, tf.constant(half))) == pytest.approx(expected, rel=1e-4)


@CASES
def test_configuration_round_trips(loss, definition):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    z, scores = draw(loss, 4, 4)
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert float(again(z, scores)) == float(loss(z, scores))


def test_info_nce_of_one_match_a_row_is_keras_cross_entropy_both_ways():
    scores = np.random.default_rng(0).normal(size=(8, 8)).astype("float32")
    z, diagonal = 2 * np.eye(8, dtype="float32") - 1, np.arange(8)
    both = [
        np.mean(keras.losses.sparse_categorical_crossentropy(diagonal, s, from_logits=True)) for s in (scores, scores.T)
    ]
    assert float(losses.InfoNCELoss()(z, scores)) == pytest.approx(np.mean(both), rel=1e-5)


def test_correction_for_sampling_takes_the_logarithm_of_how_often_a_column_comes():
    corrected = losses.correct_for_sampling(tf.zeros([2, 3]), tf.math.log([0.5, 0.25, 0.25]))
    np.testing.assert_allclose(corrected, np.log([[2, 4, 4], [2, 4, 4]]), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.InfoNCELoss(label_smoothing=1.0), "label_smoothing"),
        (lambda: losses.CategoricalMatchLoss(label_smoothing=-0.1), "label_smoothing"),
        (lambda: losses.CosineEmbeddingLoss(margin=1.5), "margin"),
        (lambda: losses.TripletLoss(margin=-0.1), "margin"),
    ],
)
def test_impossible_options_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
