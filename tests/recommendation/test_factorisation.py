import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking

from product_matching.recommendation import ALS, BPR, Interactions
from product_matching.recommendation.fold_in import fold_in_by_ranking
from product_matching.recommendation.histories import Histories


@pytest.fixture(scope="module")
def events():
    random = np.random.default_rng(0)
    users = np.repeat(np.arange(60), 8)
    products = (users % 3 * 10 + random.integers(0, 14, len(users))) % 30
    return Interactions.from_arrays(users, products)


def test_als_is_implicit_run_directly(events):
    ours = ALS(factors=8, regularization=0.05, alpha=3.0, iterations=6, seed=4, threads=1).fit(events)
    matrix = ours.users.histories.matrix(len(ours.products))
    direct = AlternatingLeastSquares(8, 0.05, alpha=3.0, iterations=6, random_state=4, num_threads=1)
    direct.fit(matrix, show_progress=False)
    places, scores = direct.recommend(np.arange(60), matrix, N=10, recalculate_user=True)
    found, values = ours.recommend(ours.users.ids.tolist(), k=10)
    np.testing.assert_allclose(values, scores, rtol=1e-4, atol=1e-6)
    assert (found == ours.products.ids[places]).mean() > 0.99  # nearly equal scores may change places


def test_bpr_is_implicit_run_directly(events):
    ours = BPR(factors=8, iterations=30, seed=4).fit(events)
    matrix = ours.users.histories.matrix(len(ours.products))
    options = {"learning_rate": 0.05, "regularization": 0.01, "iterations": 30}
    direct = BayesianPersonalizedRanking(8, num_threads=1, random_state=4, **options)
    direct.fit(matrix, show_progress=False)
    places, scores = direct.recommend(np.arange(60), matrix, N=10)
    found, values = ours.recommend(ours.users.ids.tolist(), k=10)
    np.testing.assert_allclose(values, scores, rtol=1e-4, atol=1e-6)
    assert (found == ours.products.ids[places]).mean() > 0.99


def test_folding_in_is_the_optimum_that_scipy_finds():
    from scipy.optimize import minimize

    random = np.random.default_rng(0)
    items = random.normal(size=(20, 5)).astype(np.float32)
    liked, penalty = [3, 7, 11], 0.1
    found = fold_in_by_ranking(items, Histories.from_lists([liked]), regularization=penalty)[0]
    others = np.setdiff1d(np.arange(20), liked)
    gaps = (items[liked][:, None] - items[others][None]).reshape(-1, 5)

    def loss(x):
        return np.logaddexp(0, -(gaps[:, :4] @ x + gaps[:, 4])).mean() + penalty * x @ x / 2

    best = minimize(loss, np.zeros(4))
    assert loss(found[:4].astype(float)) == pytest.approx(best.fun, abs=1e-3)
    assert found[4] == 1


def test_als_folds_in_what_a_refit_would_learn(events):
    # Two new events of one user barely move the products' factors, so folding in and fitting again nearly agree.
    more = Interactions.from_arrays(["0"] * 2, ["1", "2"], [1000, 1001])
    folded = ALS(factors=3, regularization=1.0, iterations=50, threads=1).fit(events)
    folded.update(more)
    again = Interactions.from_arrays(
        np.concatenate([events.users[events.user], ["0", "0"]]),
        np.concatenate([events.products[events.product], ["1", "2"]]),
        np.concatenate([events.time, [1000, 1001]]),
    )
    refit = ALS(factors=3, regularization=1.0, iterations=50, threads=1).fit(again)
    scores = []
    for model in (folded, refit):
        ids, values = model.recommend(["0"], k=30, exclude_seen=False)
        scores.append(values[0][np.argsort(ids[0])])
    assert np.corrcoef(scores)[0, 1] > 0.98
