import numpy as np
import pytest

from product_matching.errors import DataError
from product_matching.recommendation import Content, ItemKNN, Popularity, ProductFeatures, explain
from product_matching.recommendation.interactions import Interactions
from product_matching.recommendation.reason import _choose


@pytest.fixture
def events():
    """a and b are taken together by two, c and d by two others; e is the most popular."""
    baskets = {"1": "abe", "2": "abe", "3": "cde", "4": "cde", "5": "e", "6": "ac"}
    pairs = [(user, name) for user, names in baskets.items() for name in names]
    return Interactions.from_arrays(*zip(*pairs, strict=True))


def test_item_knn_names_the_neighbour(events):
    model = ItemKNN().fit(events)
    found = explain(model, model.histories_of(["6"]), ["b", "d"])
    assert [(reason.source, reason.product_id) for reason in found] == [("item-knn", "a"), ("item-knn", "c")]


def test_content_names_what_is_most_alike(events):
    features = ProductFeatures.of(list("abcdef"), [[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 1], [-1, -1]])
    model = Content().fit(events, features)
    found = explain(model, model.histories_of(histories=[["a", "c"]]), ["b", "d", "f"])
    assert [reason.product_id for reason in found] == ["a", "c", ""]


def test_popularity_and_an_empty_history_rest_on_no_product(events):
    for model, taken in ((Popularity().fit(events), ["a"]), (ItemKNN().fit(events), [])):
        found = explain(model, model.histories_of(histories=[taken]), ["e"])
        assert [(reason.source, reason.product_id) for reason in found] == [("popularity", "")]


def test_the_hybrid_names_the_source_that_ranks_it_highest(fitted):
    model = fitted("hybrid")
    taken = model.histories_of(["U00"])
    ids, _ = model.recommend(["U00"], k=3)
    bought = set(model.products.ids[taken.products].tolist())
    for reason in explain(model, taken, ids[0]):
        assert reason.source in model.sources
        assert reason.product_id in bought | {""}


def test_an_unknown_product_has_no_reason(events):
    model = ItemKNN().fit(events)
    with pytest.raises(DataError, match="does not know the product 'z'"):
        explain(model, model.histories_of(["6"]), ["z"])


def test_popularity_is_named_where_no_likeness_ranks_well():
    ranks = np.array([[1, 1, 3], [9, 50, 2], [8, 60, 40]])  # popularity, and two that compare
    assert _choose(ranks, np.array([False, True, True]), 10).tolist() == [2, 0, 1]
