import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from product_matching.errors import ConfigError
from product_matching.recommendation import LinearBandit, load_interactions
from product_matching.recommendation.bandit_simulation import shop_of, simulate

ROUNDS = 3000


def test_theta_is_a_ridge_regression():
    random = np.random.default_rng(0)
    contexts, rewards = random.normal(size=(200, 5)), random.random(200)
    bandit = LinearBandit(5, "greedy", ridge=2.0)
    for context, reward in zip(contexts, rewards, strict=True):
        bandit.learn(context, reward)
    expected = Ridge(alpha=2.0, fit_intercept=False).fit(contexts, rewards).coef_
    np.testing.assert_allclose(bandit.theta, expected, rtol=1e-8)
    np.testing.assert_allclose(bandit.inverse, np.linalg.inv(2 * np.eye(5) + contexts.T @ contexts), rtol=1e-8)


def test_the_upper_bound_is_its_formula():
    bandit = LinearBandit(2, "ucb", width=1.0)
    for _ in range(20):
        bandit.learn(np.array([1.0, 0.0]), 0.5)
    # The first arm is known to bring about .5; the second was never tried: 0 + 1 · sqrt(1).
    assert bandit.choose(np.array([[1.0, 0.0], [0.0, 1.0]])) == 1
    greedy = LinearBandit(2, "greedy")
    greedy.inverse, greedy.rewards = bandit.inverse, bandit.rewards
    assert greedy.choose(np.array([[1.0, 0.0], [0.0, 1.0]])) == 0


def test_thompson_draws_from_the_posterior():
    bandit = LinearBandit(1, "thompson", width=0.5, seed=0)
    for _ in range(3):
        bandit.learn(np.array([1.0]), 1.0)
    draws = [bandit._values(np.array([[1.0]]))[0] for _ in range(4000)]
    assert np.mean(draws) == pytest.approx(0.75, abs=0.02)
    assert np.std(draws) == pytest.approx(0.5 * np.sqrt(1 / 4), abs=0.01)


@pytest.fixture(scope="module")
def shop(tiny_shop):
    """Contexts and truth of the sample shop: kind counts most, the brand nothing."""
    interactions = load_interactions(tiny_shop.interactions)
    table = pd.read_csv(tiny_shop.catalog, dtype=str, keep_default_na=False).set_index("product_id")
    names = ("kind", "colour", "pattern", "brand")
    attributes = {name: table.loc[interactions.products, name].tolist() for name in names}
    return shop_of(interactions, attributes, weights=(1.0, 0.7, 0.3, 0.0))


@pytest.fixture(scope="module")
def regrets(shop):
    contexts, truth = shop
    return {
        policy: simulate(LinearBandit(contexts.shape[-1], policy), contexts, truth, rounds=ROUNDS)
        for policy in ("random", "ucb", "thompson")
    }


def test_contexts_are_shares_of_the_first_half(shop):
    contexts, truth = shop
    assert contexts.shape == (*truth.shape, 5)
    assert ((contexts >= 0) & (contexts <= 1)).all()
    assert (contexts[..., -1] == 1).all()
    assert truth.min() >= 0.02 and truth.max() == pytest.approx(0.6)


@pytest.mark.parametrize("policy", ["ucb", "thompson"])
def test_exploring_policies_forgo_ever_less_and_much_less_than_chance(policy, regrets):
    curve = regrets[policy]
    assert curve[-1] < 0.5 * regrets["random"][-1]
    assert curve[-1] - curve[-ROUNDS // 3] < 0.9 * curve[ROUNDS // 3]
    assert (np.diff(curve) >= 0).all()


def test_the_same_seed_gives_the_same_curve(shop, regrets):
    contexts, truth = shop
    again = simulate(LinearBandit(contexts.shape[-1], "thompson"), contexts, truth, rounds=50)
    np.testing.assert_array_equal(again, regrets["thompson"][:50])


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="Did you mean 'thompson'"):
        LinearBandit(3, "thomson")
    with pytest.raises(ConfigError, match="ridge"):
        LinearBandit(3, ridge=0)
