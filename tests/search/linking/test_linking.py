import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from product_matching.errors import ConfigError, DataError
from product_matching.model.reranker.weights import WordWeights
from product_matching.search.linking import Listings, link_listings, measure_links
from product_matching.search.linking.reasons import reason

LEFT = Listings(["a", "b", "c"], [{"title": "red mug x100"}, {"title": "blue mug"}, {"title": "红色跑鞋"}])
RIGHT = Listings(["1", "2"], [{"title": "mug X-100 in red"}, {"title": "跑鞋 红色"}])


def alike(left, right):
    """Share of the left title's letters that the right one has."""

    def probability(pairs):
        titles = [(set(left.records[i]["title"]), set(right.records[j]["title"])) for i, j in pairs]
        return np.array([len(a & b) / len(a) for a, b in titles])

    return probability


def test_links_are_the_probable_candidates_the_best_first():
    links = link_listings(LEFT, RIGHT, alike(LEFT, RIGHT), threshold=0.5)
    assert links.table[["left_id", "right_id"]].to_numpy().tolist()[0] == ["c", "2"]
    assert links.table["probability"].is_monotonic_decreasing
    assert (links.table["probability"] >= 0.5).all()


def test_one_to_one_takes_no_product_twice():
    many = link_listings(LEFT, RIGHT, alike(LEFT, RIGHT), threshold=0.1)
    one = link_listings(LEFT, RIGHT, alike(LEFT, RIGHT), threshold=0.1, one_to_one=True)
    assert many.table["right_id"].duplicated().any()
    assert not one.table["right_id"].duplicated().any()
    assert set(zip(one.table["left_id"], one.table["right_id"], strict=True)) == {("a", "1"), ("c", "2")}


def test_within_one_catalogue_each_pair_once_and_none_with_itself():
    shop = Listings(["a", "b", "c"], [{"title": "red mug"}, {"title": "mug red"}, {"title": "lamp"}])
    links = link_listings(shop, None, alike(shop, shop), threshold=0.5)
    assert links.table[["left_id", "right_id"]].to_numpy().tolist() == [["a", "b"]]
    with pytest.raises(ConfigError, match="several duplicates"):
        link_listings(shop, None, alike(shop, shop), threshold=0.5, one_to_one=True)


def test_measured_as_sklearn_does():
    links = link_listings(LEFT, RIGHT, alike(LEFT, RIGHT), threshold=0.1)
    truth = [("a", "1"), ("c", "2"), ("c", "1")]
    found = measure_links(links, LEFT, RIGHT, truth)
    called = set(zip(links.table["left_id"], links.table["right_id"], strict=True))
    every = [(a, b) for a in LEFT.ids for b in RIGHT.ids]
    precision, recall, f1, _ = precision_recall_fscore_support(
        [pair in truth for pair in every], [pair in called for pair in every], average="binary"
    )
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((precision, recall, f1))
    assert found["blocking_recall"] == pytest.approx(2 / 3)  # no common word brings c and 1 together


def test_a_truth_about_unknown_products_is_an_error():
    links = link_listings(LEFT, RIGHT, alike(LEFT, RIGHT), threshold=0.1)
    with pytest.raises(DataError, match="right product '9'"):
        measure_links(links, LEFT, RIGHT, [("a", "9")])


def test_an_empty_catalogue_is_an_error():
    with pytest.raises(DataError, match="catalogue is empty"):
        link_listings(LEFT, Listings([], []), alike(LEFT, LEFT), threshold=0.1)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"title": "Sony DVP-NS700H"}, {"title": "dvpns700h by sony"}, "model number dvpns700h; words sony"),
        ({"title": "Red Mug", "price": "3"}, {"title": "red mug", "price": "3.00"}, "same title; same price"),
        ({"image": "a.jpg", "title": "杯"}, {"image": "a.jpg", "title": "cup"}, "same picture"),
        ({"title": "杯"}, {"title": "cup"}, ""),
    ],
)
def test_reasons_by_hand(left, right, expected):
    assert reason(left, right, WordWeights()) == expected


def test_blending_needs_vectors_and_a_number():
    with pytest.raises(ConfigError, match="Only vectors can be blended"):
        link_listings(LEFT, RIGHT, alike(LEFT, RIGHT), threshold=0.5, blend=2)
    with pytest.raises(ConfigError, match="blend must be 0 or more, not -1"):
        link_listings(LEFT, RIGHT, alike(LEFT, RIGHT), threshold=0.5, blend=-1)
