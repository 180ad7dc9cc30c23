import numpy as np
import pytest

from product_matching.recommendation.ranker import Ranker, fit_ranker

OPTIONS = {"rounds": 30, "learning_rate": 0.1, "leaves": 7, "seed": 0, "threads": 1}


@pytest.fixture(scope="module")
def problem():
    """1,500 users of ten candidates; the first feature tells the taken one, less often for cold users."""
    random = np.random.default_rng(0)
    users = np.repeat(np.arange(1500), 10)
    lengths = np.repeat(random.choice([1, 5, 30], 1500), 10)
    features = random.normal(size=(len(users), 3)).astype(np.float32)
    noise = random.gumbel(size=len(users)) * np.select([lengths == 1, lengths == 5], [3.0, 1.0], 0.5)
    wanted = (2 * features[:, 0] + noise).reshape(-1, 10).argmax(axis=1)
    labels = (np.arange(10) == wanted[:, None]).ravel().astype(int)
    labels[random.random(1500).repeat(10) < 0.3] = 0  # some take what is no candidate
    return features, labels, users, lengths


def test_it_learns_the_order_and_is_calibrated_for_each_kind_of_user(problem):
    features, labels, users, lengths = problem
    ranker = fit_ranker(features, labels, users, lengths, **OPTIONS)
    chances = ranker.probability(features, lengths)
    for length in (1, 5, 30):
        part = lengths == length
        assert chances[part].mean() == pytest.approx(labels[part].mean(), abs=0.02)
        top = part & (chances > np.quantile(chances[part], 0.9))
        assert chances[top].mean() == pytest.approx(labels[top].mean(), abs=0.1)
    first = chances.reshape(-1, 10).argmax(axis=1)
    taken = labels.reshape(-1, 10)
    hit = taken[np.arange(1500), first].sum() / taken.sum()
    assert hit > 0.5  # by chance .1


def test_it_survives_saving(problem):
    ranker = fit_ranker(*problem, **OPTIONS)
    again = Ranker.from_arrays(ranker.to_arrays())
    np.testing.assert_array_equal(again.probability(problem[0], problem[3]), ranker.probability(problem[0], problem[3]))


def test_nothing_to_rank_is_nothing(problem):
    assert fit_ranker(*problem, **OPTIONS).probability(np.zeros((0, 3)), np.zeros(0, int)).shape == (0,)
