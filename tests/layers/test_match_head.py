import keras
import numpy as np
import pytest

from product_matching.layers import MatchHead

LEFT = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
RIGHT = np.array([[1, 0], [0.8, 0.6], [0, -1]], np.float32)


def test_score_is_temperature_times_inner_product_plus_bias():
    head = MatchHead(temperature=5.0, bias=-3.0)
    # Inner products 1, 0.96 and -1.
    np.testing.assert_allclose(head(LEFT, RIGHT), [2.0, 1.8, -8.0], rtol=1e-5)


def test_matrix_scores_each_with_each():
    head = MatchHead(temperature=5.0, bias=-3.0)
    found = head.matrix(LEFT[:2], RIGHT)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found, 5.0 * LEFT[:2] @ RIGHT.T - 3.0, rtol=1e-5)
    np.testing.assert_allclose(np.diag(head.matrix(LEFT, RIGHT)), head(LEFT, RIGHT), rtol=1e-5)


def test_uncalibrated_probability_takes_matches_as_frequent_as_others():
    head = MatchHead(temperature=4.0, bias=-7.0)
    # Without calibration the score's bias is taken back: an inner product of 0 is a half.
    scores = head(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert float(head.probability(scores)[0]) == pytest.approx(0.5)
    assert head.parameters()["threshold"] == 0.5


def test_calibrated_probability():
    head = MatchHead()
    head.calibrate(2.0, -1.0, 0.3)
    found = head.probability(np.array([0.0, 0.5, 3.0], np.float32))
    np.testing.assert_allclose(found, 1 / (1 + np.exp([1.0, 0.0, -5.0])), rtol=1e-5)


def test_a_curve_is_read_as_numpy_does():
    head = MatchHead(knots=6)
    head.calibrate(2.0, -1.0, 0.3)
    scores = np.array([-3.0, -1.0, 0.5, 3.0], np.float32)
    # Before a curve is there the two parameters count.
    np.testing.assert_allclose(head.probability(scores), 1 / (1 + np.exp(-(2 * scores - 1))), rtol=1e-5)
    levels, heights = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), np.array([0.1, 0.1, 0.1, 0.6, 0.9])
    head.calibrate_curve(levels, heights)
    np.testing.assert_allclose(head.probability(scores), np.interp(scores, levels, heights), atol=1e-6)
    points = head.curve_points()
    assert len(points["scores"]) == 6
    np.testing.assert_allclose(np.interp(scores, points["scores"], points["probabilities"]), head.probability(scores))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(head))
    assert again.curve.shape == (2, 6)
    assert MatchHead().curve_points() == {}


@pytest.mark.parametrize("score", [1e4, -1e4])
def test_probability_of_an_extreme_score_is_certain(score):
    assert float(MatchHead().probability(np.float32(score))) == (score > 0)


def test_parameters_are_plain_numbers():
    head = MatchHead(temperature=8.0, bias=-2.0)
    head.calibrate(1.5, 0.25, 0.75)
    found = head.parameters()
    assert all(type(value) is float for value in found.values())
    hand = {"temperature": 8.0, "bias": -2.0, "scale": 1.5, "offset": 0.25, "threshold": 0.75, "typical_reach": 0.0}
    assert found == pytest.approx(hand, rel=1e-6)


def test_calibration_is_not_trained():
    head = MatchHead()
    assert {weight.name for weight in head.trainable_weights} == {"log_temperature", "bias"}
    assert [weight.name for weight in head.non_trainable_weights] == ["calibration"]


def test_configuration_round_trips():
    head = MatchHead(temperature=3.0, bias=-1.0, name="match")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(head))
    assert again.get_config() == head.get_config()
    assert again.parameters() == head.parameters()


def test_half_precision_leaves_scores_whole(half_precision):
    head = MatchHead(temperature=100.0, bias=-10.0)
    found = head(LEFT, RIGHT)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(found, [90.0, 86.0, -110.0], rtol=1e-5)
