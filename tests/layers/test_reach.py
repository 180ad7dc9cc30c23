import keras
import numpy as np
import pytest

from product_matching.bundle.head import Head
from product_matching.layers import MatchHead, Reach


def unit(count, dim, seed):
    vectors = np.random.default_rng(seed).normal(size=(count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")


IMAGES, TEXTS, ASKED = unit(40, 6, 0), unit(40, 6, 1), unit(9, 6, 2)


def by_hand(vector, banks):
    return min(np.mean(sorted(float(vector @ row) for row in bank)[-10:]) for bank in banks)


@pytest.fixture
def reach():
    layer = Reach(40, 6)
    layer.remember(IMAGES, TEXTS, 0.25)
    return layer


def test_is_the_lower_mean_of_the_ten_highest_cosines(reach):
    np.testing.assert_allclose(reach(ASKED), [by_hand(row, (IMAGES, TEXTS)) for row in ASKED], atol=1e-6)


def test_numpy_says_the_same(reach):
    head = Head(10.0, -3.0, 1.0, 0.0, 0.5, references=np.stack([IMAGES, TEXTS]))
    np.testing.assert_allclose(head.reach(ASKED), reach(ASKED), atol=1e-6)
    assert not Head(10.0, -3.0, 1.0, 0.0, 0.5).reach(ASKED).any()


def test_before_anything_is_remembered_it_is_zero():
    assert not np.any(Reach(4, 6)(ASKED))


def test_fewer_products_than_references(reach):
    few = Reach(64, 6)
    few.remember(IMAGES[:20], TEXTS[:12], 0.0)
    expected = [
        by_hand(row, (np.vstack([bank, np.zeros((44, 6))]) for bank in (IMAGES[:20], TEXTS[:12]))) for row in ASKED
    ]
    np.testing.assert_allclose(few(ASKED), expected, atol=1e-6)


def test_probability_takes_half_of_both_reaches_from_the_cosine(reach):
    head = MatchHead(temperature=8.0, bias=-2.0, references=40, dim=6)
    head.reach.remember(IMAGES, TEXTS, 0.25)
    head.calibrate(1.5, 0.5, 0.6)
    left, right = ASKED[:4], ASKED[4:8]
    scores = np.sum(left * right, axis=1) * 8 - 2

    def expected(a, b):
        return 1 / (1 + np.exp(-(1.5 * (scores - 8 * (a + b) / 2) + 0.5)))

    near = [np.array([by_hand(row, (IMAGES, TEXTS)) for row in side]) for side in (left, right)]
    np.testing.assert_allclose(head.probability(scores, left, right), expected(*near), rtol=1e-5)
    np.testing.assert_allclose(head.probability(scores, left), expected(near[0], 0.25), rtol=1e-5)
    plain = Head(**head.parameters(), references=np.stack([IMAGES, TEXTS]))
    np.testing.assert_allclose(
        plain.probability(scores, plain.reach(left), plain.reach(right)), expected(*near), rtol=1e-5
    )
    np.testing.assert_allclose(plain.probability(scores), head.probability(scores), rtol=1e-5)


def test_configuration_and_weights_round_trip(reach, tmp_path):
    head = MatchHead(references=40, dim=6)
    head.reach.remember(IMAGES, TEXTS, 0.25)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(head))
    again.set_weights(head.get_weights())
    assert again.parameters() == head.parameters()
    np.testing.assert_array_equal(again.reach(ASKED), head.reach(ASKED))


def test_a_vague_vector_reaches_less_far_than_a_detailed_one():
    """Pictures are corners (±1, ±1, ±1); a detailed text names a corner, a vague one an edge of it."""
    corners = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T / np.sqrt(3)
    layer = Reach(8 * 20, 3)
    layer.remember(
        np.repeat(corners, 20, axis=0).astype("float32"), np.repeat(corners, 20, axis=0).astype("float32"), 0
    )
    detailed, vague = layer(np.array([[1, 1, 1], [1, 1, 0]], "float32") / np.sqrt([[3], [2]]).astype("float32"))
    assert float(detailed) == pytest.approx(1)
    assert float(vague) == pytest.approx(2 / np.sqrt(6))
