import itertools

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from product_matching.errors import ConfigError
from product_matching.recommendation import Interactions, ItemKNN, item_knn
from product_matching.recommendation.item_knn import SIMILARITIES

BASKETS = {"u": "abc", "v": "abd", "w": "ba", "x": "cde", "y": "eac"}


@pytest.fixture
def events():
    rows = [(user, product) for user, basket in BASKETS.items() for product in basket]
    return Interactions.from_arrays(*map(list, zip(*rows, strict=True)))


def matrix(model):
    """Similarities in the order a, b, c, d, e."""
    places = model.products.positions(list("abcde"))
    return model._neighbours.toarray()[places][:, places]


def test_cosine_is_that_of_scikit_learn(events):
    bought = np.array([[product in basket for product in "abcde"] for basket in BASKETS.values()], dtype=float)
    expected = cosine_similarity(bought.T)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(matrix(ItemKNN().fit(events)), expected, rtol=1e-6)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_each_similarity_is_its_formula(similarity, events):
    z, alpha = 1.5, 0.3
    found = matrix(ItemKNN(similarity=similarity, shrink=z, alpha=alpha).fit(events))
    sets = {p: {user for user, basket in BASKETS.items() if p in basket} for p in "abcde"}
    for (i, p), (j, q) in itertools.permutations(enumerate("abcde"), 2):
        c, n, m = len(sets[p] & sets[q]), len(sets[p]), len(sets[q])
        expected = {
            "cosine": c / ((n * m) ** 0.5 + z),
            "asymmetric": c / (n**alpha * m ** (1 - alpha) + z),
            "jaccard": c / (n + m - c + z),
            "dice": 2 * c / (n + m + z),
            "conditional": c / (n + z),
            "lift": c / (n * m + z),
        }[similarity]
        assert found[i, j] == pytest.approx(expected, rel=1e-5)


def test_pairs_count_by_their_gap_and_their_order(events):
    model = ItemKNN(similarity="conditional", gap_decay=0.5, backward=0.25, shrink=0.0).fit(events)
    expected = np.zeros((5, 5))
    counts = {p: sum(p in basket for basket in BASKETS.values()) for p in "abcde"}
    for basket in BASKETS.values():
        for (s, p), (t, q) in itertools.permutations(enumerate(basket), 2):
            value = 0.5 ** (abs(t - s) - 1) * (1 if t > s else 0.25)
            expected["abcde".index(p), "abcde".index(q)] += value / counts[p]
    np.testing.assert_allclose(matrix(model), expected, rtol=1e-5)


def test_the_plain_count_and_the_ordered_one_agree_where_order_does_not_matter(events):
    plain = ItemKNN().fit(events)
    ordered = ItemKNN(window=99).fit(events)
    np.testing.assert_allclose(matrix(plain), matrix(ordered), rtol=1e-6)


def test_only_the_nearest_are_kept(events):
    full, cut = matrix(ItemKNN(neighbours=0).fit(events)), matrix(ItemKNN(neighbours=2).fit(events))
    assert (np.count_nonzero(cut, axis=1) <= 2).all()
    for row in range(5):
        assert sorted(cut[row][cut[row] > 0]) == sorted(full[row])[-np.count_nonzero(cut[row]) :]


def test_the_latest_event_counts_most(events):
    model = ItemKNN(history_decay=0.5).fit(events)
    _, scores = model.recommend(histories=[["c", "b"]], k=5, candidates=["a"])
    similar = matrix(model)
    assert scores[0, 0] == pytest.approx(similar[1, 0] + 0.5 * similar[2, 0], rel=1e-5)


def test_an_unknown_similarity_is_named():
    with pytest.raises(ConfigError, match="Did you mean 'cosine'"):
        ItemKNN(similarity="cosin")


@pytest.mark.parametrize("options", [{}, {"gap_decay": 0.9, "backward": 0.2, "user_damping": 0.25, "neighbours": 3}])
def test_a_few_products_at_a_time_give_the_same(checkerboard, options, monkeypatch):
    whole = ItemKNN(**options).fit(checkerboard[0])._neighbours
    monkeypatch.setattr(item_knn, "PAIRS_AT_A_TIME", 50)
    assert len(item_knn._blocks(ItemKNN().fit(checkerboard[0]).users.histories, 20)) > 5
    parts = ItemKNN(**options).fit(checkerboard[0])._neighbours
    np.testing.assert_allclose(parts.toarray(), whole.toarray(), rtol=1e-6)


def test_jaccard_of_repeated_purchases_is_finite():
    events = Interactions.from_arrays(["a"] * 6, ["x", "y"] * 3)
    assert ItemKNN(similarity="jaccard").fit(events)._neighbours.toarray().max() == 1
