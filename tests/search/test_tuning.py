import numpy as np
import pytest

from product_matching.search.tuning import cheapest_effort, noisy_sample


def made_up_recall(leaves, reorder):
    """Grows with both, and reaches 1 at 100 leaves and 1000 candidates."""
    return min(1.0, leaves / 100) * min(1.0, reorder / 1000) ** 0.1


# The cost is 50 vectors a leaf and 20 a candidate. By hand from leaves / 100 · (candidates / 1000) ** 0.1: for .08,
# 10 leaves need 120 candidates (500 + 2400), and 15 need 20 (750 + 400), as do 20 and 30 (1000 + 400, 1500 + 400).
@pytest.mark.parametrize(
    ("target", "leaves", "reorder"),
    [(0.08, 15, 20), (0.49, 75, 20), (0.9, 100, 400), (0.97, 100, 800), (1.0, 100, 1600)],
)
def test_the_least_cost_that_reaches_the_target(target, leaves, reorder):
    effort = cheapest_effort(made_up_recall, leaves=100, size=5000, target=target)
    assert (effort.leaves, effort.reorder) == (leaves, reorder)
    assert effort.recall == made_up_recall(leaves, reorder) >= target


def test_everything_where_nothing_is_enough():
    effort = cheapest_effort(lambda leaves, reorder: 0.5, leaves=100, size=5000, target=0.9)
    assert (effort.leaves, effort.reorder, effort.recall) == (100, 5000, 0.5)


def test_never_more_candidates_than_vectors():
    asked = []
    cheapest_effort(lambda leaves, reorder: asked.append(reorder) or 0.0, leaves=5, size=120, target=0.9)
    assert max(asked) == 120


def test_sample_is_near_seeded_and_bounded(vectors):
    sample = noisy_sample(vectors, np.random.default_rng(0))
    assert sample.shape == (1000, 32)
    assert sample.dtype == np.float32
    cosines = (sample @ vectors.T).max(axis=1) / np.linalg.norm(sample, axis=1)
    # Noise half as long as the vector, at right angles: 1 / sqrt(1.25).
    assert 0.8 < np.median(cosines) < 0.97
    assert np.array_equal(sample, noisy_sample(vectors, np.random.default_rng(0)))
    assert len(noisy_sample(vectors[:7], np.random.default_rng(0))) == 7
