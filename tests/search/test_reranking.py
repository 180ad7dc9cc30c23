"""The first results in the order of a re-ranker, by a stand-in whose answers are known."""

import numpy as np
import pytest

from product_matching.errors import ConfigError
from product_matching.model.reranker import Comparer
from product_matching.search import Result
from product_matching.search.reranking import ResultReranker


class Told:
    """Says what a table says of titles, and keeps what it was asked."""

    def __init__(self, said, right=("title", "brand")):
        self.said, self.asked = said, []
        self.comparer = Comparer(["price", "name"], list(right), ["price"])

    def score(self, left, right):
        self.asked += list(zip(left, right, strict=True))
        return np.array([self.said[record["title"]] for record in right])

    def probability(self, scores):
        return scores


def results(*titles):
    return [
        Result(f"p{rank}", 10.0 - rank, 0.5, rank, {"title": title, "brand": None}, {"cosine": 0.1})
        for rank, title in enumerate(titles, 1)
    ]


def test_the_first_are_ordered_by_what_it_says_and_the_others_stay():
    model = Told({"a": 0.2, "b": 0.9, "c": 0.2, "d": 1.0})
    found = ResultReranker(model)("red mug", results("a", "b", "c", "d"), 3)
    assert [(one.product_id, one.rank) for one in found] == [("p2", 1), ("p1", 2), ("p3", 3), ("p4", 4)]
    assert [one.parts.get("reranker") for one in found] == [0.9, 0.2, 0.2, None]
    assert all(one.parts["cosine"] == 0.1 for one in found)
    # The query is the first column of the left side, empty cells are empty texts.
    assert model.asked[0] == ({"name": "red mug"}, {"title": "a", "brand": ""})
    assert len(model.asked) == 3


def test_nothing_found_is_nothing_to_read():
    assert ResultReranker(Told({}))("mug", [], 5) == []


def test_products_without_its_columns_are_told():
    with pytest.raises(ConfigError, match=r"trained on label, maker of the right side; products have brand, title"):
        ResultReranker(Told({}, right=("label", "price", "maker")))("mug", results("a"), 5)
