import math

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from product_matching.errors import DataError
from product_matching.metrics import bootstrap_interval
from product_matching.recommendation import Interactions, ItemKNN, Popularity, evaluate_recommender, split_interactions
from product_matching.recommendation.evaluation import beyond_accuracy
from product_matching.recommendation.rank_probability import probability_at, rank_probabilities


@pytest.fixture(scope="module")
def split():
    random = np.random.default_rng(0)
    users = np.repeat(np.arange(50), random.integers(4, 20, 50))
    products = random.zipf(1.5, len(users)) % 40
    return split_interactions(Interactions.from_arrays(users, products))


@pytest.fixture(scope="module")
def global_split():
    random = np.random.default_rng(1)
    events = Interactions.from_arrays(random.integers(0, 40, 600), random.zipf(1.4, 600) % 40)
    return split_interactions(events, "global-time")


def naive(model, targets, k):
    """The same metrics, one user and one product at a time, from `recommend` alone."""
    hits, gains, reciprocals, lists = [], [], [], []
    for place, user in enumerate(targets.users):
        wanted = set(targets.products[targets.product[targets.user == place]].tolist())
        if not wanted:
            continue
        ranked = [name for name in model.recommend([user], k=len(model.products))[0][0].tolist() if name]
        lists.append(ranked[:k])
        ranks = [ranked.index(name) + 1 if name in ranked else math.inf for name in wanted]
        hits.append(min(ranks) <= k)
        ideal = sum(1 / math.log2(r + 1) for r in range(1, min(len(wanted), k) + 1))
        gains.append(sum(1 / math.log2(r + 1) for r in ranks if r <= k) / ideal)
        reciprocals.append(1 / min(ranks))
    return hits, gains, reciprocals, lists


@pytest.mark.parametrize("which", ["split", "global_split"])
@pytest.mark.parametrize("kind", [Popularity, ItemKNN])
def test_metrics_are_those_of_a_naive_loop(kind, which, request):
    split = request.getfixturevalue(which)
    model = kind().fit(split.before_test)
    result = evaluate_recommender(model, split.test, ks=(3, 10))
    for k in (3, 10):
        hits, gains, reciprocals, lists = naive(model, split.test, k)
        assert result[f"hr@{k}"] == pytest.approx(np.mean(hits))
        assert result[f"ndcg@{k}"] == pytest.approx(np.mean(gains))
    assert result["mrr"] == pytest.approx(np.mean(reciprocals))
    assert result["users"] == len(hits)
    assert result["coverage"] == pytest.approx(len({p for ranked in lists for p in ranked}) / len(model.products))
    assert result["intervals"]["hr@10"] == pytest.approx(bootstrap_interval(np.array(hits, float)))


def test_blocks_do_not_change_the_metrics(split, monkeypatch):
    model = ItemKNN().fit(split.before_test)
    whole = evaluate_recommender(model, split.test)
    monkeypatch.setattr("product_matching.recommendation.recommender.BLOCK_SCORES", 100)
    assert evaluate_recommender(model, split.test) == whole


def test_slices_split_the_users(split):
    model = ItemKNN().fit(split.before_test)
    result = evaluate_recommender(model, split.test)
    for side in ("users", "products"):
        parts = [part for name, part in result["slices"].items() if name.endswith(side)]
        assert sum(part["users"] for part in parts) == result["users"]
        mean = sum(part["users"] * part["hr@10"] for part in parts) / result["users"]
        assert mean == pytest.approx(result["hr@10"])


def test_an_unknown_target_is_a_miss():
    known = Interactions.from_arrays(list("aabb"), list("xyxz"))
    model = Popularity(half_life=0.0).fit(known)
    result = evaluate_recommender(model, Interactions.from_arrays(["a", "b"], ["z", "new"]))
    assert (result["hr@10"], result["users"]) == (0.5, 2)


def test_no_target_is_an_error(split):
    with pytest.raises(DataError, match="nothing to measure"):
        evaluate_recommender(Popularity().fit(split.train), split.test.take(np.zeros(0, np.int64)))


def test_coverage_gini_and_novelty_by_hand():
    # Four products, the lists show the first three times and the second once.
    lists = np.array([[0, 1], [0, -1], [0, -1]])
    result = beyond_accuracy(lists, np.array([7.0, 3.0, 0.0, 2.0]))
    assert result["coverage"] == 0.5
    # Mean absolute difference of the counts 3, 1, 0, 0 over all pairs, over twice their mean.
    counts = [3, 1, 0, 0]
    differences = np.mean([abs(a - b) for a in counts for b in counts])
    assert result["gini"] == pytest.approx(differences / (2 * np.mean(counts)))
    assert result["novelty"] == pytest.approx((3 * -math.log2(8 / 16) - math.log2(4 / 16)) / 4)


def test_probabilities_of_ranks_are_an_isotonic_regression():
    ranks = np.random.default_rng(0).geometric(0.1, 500)
    found = rank_probabilities(ranks, depth=30)
    shares = np.bincount(ranks, minlength=31)[1:31] / 500
    expected = IsotonicRegression(increasing=False).fit_transform(np.arange(30), shares)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert probability_at(np.array([1, 31]), found).tolist() == [found[0], found[-1]]
