import numpy as np
import pytest

from product_matching.errors import ConfigError
from product_matching.eval.ab import always_valid


def looks(effect, runs=300, users=2000, every=50, seed=0):
    """Whether each run is called significant at any look, and whether the interval held the effect at every look."""
    rng = np.random.default_rng(seed)
    sums = np.cumsum(rng.normal(effect, 2**0.5, (runs, users)), axis=1)
    called, held = np.zeros(runs, bool), np.ones(runs, bool)
    for n in range(every, users + 1, every):
        for run in range(runs):
            found = always_valid(sums[run, n - 1] / n, 2 / n, tau=0.1)
            called[run] |= found["significant"]
            held[run] &= found["interval"][0] <= effect <= found["interval"][1]
    return called.mean(), held.mean()


def test_peeking_does_not_find_what_is_not_there():
    called, held = looks(0.0)
    # The bound is .05; of 300 runs, .08 is far outside chance.
    assert called < 0.08
    assert held == 1 - called


def test_a_difference_is_found_and_the_interval_holds_it():
    called, held = looks(0.2, runs=100)
    assert called > 0.9
    assert held > 0.92


def test_the_ratio_is_the_integral_over_the_mixture():
    difference, variance, tau = 0.3, 0.02, 0.2
    grid = np.linspace(-4, 4, 80_001)
    prior = np.exp(-(grid**2) / (2 * tau**2)) / np.sqrt(2 * np.pi * tau**2)
    likelihood = np.exp((2 * difference * grid - grid**2) / (2 * variance))
    expected = 1 / np.trapezoid(prior * likelihood, grid)
    assert always_valid(difference, variance, tau=tau)["p"] == pytest.approx(expected, rel=1e-6)


def test_p_and_interval_agree():
    found = always_valid(0.3, 0.01, tau=0.1)
    edge = found["interval"][0]
    assert always_valid(0.3 - edge, 0.01, tau=0.1)["p"] == pytest.approx(0.05)
    assert always_valid(0.0, 0.0, tau=1.0)["p"] == 1.0
    assert always_valid(1.0, 0.0, tau=1.0)["significant"]
    with pytest.raises(ConfigError, match="tau"):
        always_valid(0.0, 1.0, tau=0.0)
