import math

import numpy as np
import pytest

from product_matching.bundle import Head


def by_hand(banks, vector):
    return min(np.mean(sorted((float(x @ vector) for x in bank), reverse=True)[:10]) for bank in banks)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("size", [7, 600, 1024])
@pytest.mark.parametrize("lift", [0.0, 0.05, 2.0])
def test_the_reach_of_one_vector_is_that_of_a_batch_and_of_a_loop(size, lift):
    # One bank lies nearer by `lift`: apart, entangled, or so that a part of it decides.
    generator = np.random.default_rng(size)
    banks = generator.normal(size=(2, size, 16))
    banks[1, :, 0] += lift
    banks = unit(banks)
    vectors = unit(generator.normal(size=(12, 16)) + np.eye(16)[0])
    head = Head(10.0, -5.0, 1.0, 0.0, 0.5, references=banks)
    expected = [by_hand(banks, vector) for vector in vectors]
    np.testing.assert_allclose(head.reach(vectors), expected, atol=1e-6)
    alone = [head.reach(vector[None]) for vector in vectors]
    assert all(one.shape == (1,) and one.dtype == np.float32 for one in alone)
    np.testing.assert_allclose(np.concatenate(alone), expected, atol=1e-6)
    # The banks in the other order tell the same.
    turned = Head(10.0, -5.0, 1.0, 0.0, 0.5, references=banks[::-1].copy())
    np.testing.assert_allclose(turned.reach(vectors[:1]), expected[:1], atol=1e-6)


@pytest.mark.parametrize("curve", [{}, {"scores": [-8.0, 0.0, 6.0], "probabilities": [0.05, 0.4, 0.9]}])
@pytest.mark.parametrize("reach", [-0.1, 0.0, 0.3])
def test_the_cosine_of_a_probability_is_the_first_of_a_grid_that_reaches_it(curve, reach):
    head = Head(10.0, -3.0, 0.8, 0.1, 0.5, typical_reach=0.2, curve=curve)
    grid = np.linspace(-1, 1, 4097)
    probabilities = head.probability(head.score(grid), reach)
    for wanted in (0.01, 0.06, 0.2, 0.5, 0.85, 0.95, 0.9999999):
        reached = np.flatnonzero(probabilities >= wanted)
        expected = math.inf if not len(reached) else float(grid[reached[0]]) if reached[0] else -math.inf
        assert head.cosine_at(wanted, reach) == pytest.approx(expected, abs=1 / 2048 + 1e-9)
    assert head.cosine_at(0.0, reach) == -math.inf
