import numpy as np
import pandas as pd
import pytest

from product_matching.errors import DataError
from product_matching.search import Filter, mask, parse_filter

TABLE = pd.DataFrame(
    {
        "colour": ["Red", "blue", "RED|Blue", None, "红色"],
        "price": [9.5, 10, 20, np.nan, 100],
        "size": ["38|39", "40", "10.0", "", "XL"],
        "stock": [1, 2, 3, 4, 5],
        "new": [True, False, True, True, False],
        "主色": ["红", "蓝", "红", "红", "绿"],
        "labels": [["a", "b"], ["c"], [], None, np.array(["A"])],
        "mixed": [1, "1", "one", None, 1.5],
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("colour=red", [0, 2]),
        ("colour = RED ", [0, 2]),
        ("colour=red|红色", [0, 2, 4]),
        ("colour!=red", [1, 3, 4]),
        ("colour!=red|blue", [3, 4]),
        ("colour=green", []),
        ("主色=红", [0, 2, 3]),
        ("price=10", [1]),
        ("price=10.0", [1]),
        ("price!=10", [0, 2, 3, 4]),
        ("price>=10", [1, 2, 4]),
        ("price>10", [2, 4]),
        ("price<20", [0, 1]),
        ("price<=20", [0, 1, 2]),
        ("price=10..20", [1, 2]),
        ("price=-5..9.5", [0]),
        ("price=1e1", [1]),
        ("size=39", [0]),
        ("size=10", [2]),
        ("size>=39", [0, 1]),
        ("size=xl", [4]),
        ("size!=xl", [0, 1, 2, 3]),
        ("stock=2|4", [1, 3]),
        ("stock=2..4", [1, 2, 3]),
        ("new=true", [0, 2, 3]),
        ("new=1", []),
        ("labels=a", [0, 4]),
        ("labels!=a", [1, 2, 3]),
        ("mixed=1", [0, 1]),
        ("mixed<2", [0, 1, 4]),
    ],
)
def test_rows(text, rows):
    assert np.flatnonzero(mask([parse_filter(text)], TABLE)).tolist() == rows


def test_all_conditions_must_hold():
    assert mask([parse_filter("colour=red"), parse_filter("price>=10")], TABLE).tolist() == [
        False, False, True, False, False,
    ]  # fmt: skip
    assert mask([], TABLE).all()


@pytest.mark.parametrize("text", ["price=10", "colour=red|blue", "size=38|xl", "主色=红"])
def test_unequal_is_the_contrary_of_equal(text):
    contrary = parse_filter(text.replace("=", "!=", 1))
    assert np.array_equal(mask([contrary], TABLE), ~mask([parse_filter(text)], TABLE))


def test_cell_by_cell_is_the_same():
    for text in ("price>=10", "colour=red", "size!=39", "new=true"):
        condition = parse_filter(text)
        expected = [condition.accepts(cell) for cell in TABLE[condition.attribute]]
        assert mask([condition], TABLE).tolist() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", Filter("a", "=", ("b",))),
        ("a = b = c", Filter("a", "=", ("b = c",))),
        ("main colour=dark red", Filter("main colour", "=", ("dark red",))),
        ("a=b| c |", Filter("a", "=", ("b", "c"))),
        ("a=1..x", Filter("a", "=", ("1..x",))),
        ("a!=1..2", Filter("a", "!=", ("1..2",))),
        ("a<=-1.5", Filter("a", "<=", ("-1.5",))),
    ],
)
def test_parsing(text, expected):
    assert parse_filter(text) == expected


@pytest.mark.parametrize("text", ["", "colour", "=red", "colour=", "price=>10", "price==10", "a=|", "  "])
def test_what_is_no_filter(text):
    with pytest.raises(DataError, match="Write for example colour=red"):
        parse_filter(text)


@pytest.mark.parametrize("text", ["price>=cheap", "price<nan", "price>1|2", "price<10..20"])
def test_comparisons_need_a_number(text):
    with pytest.raises(DataError, match=r"filter on 'price' compares with .* no number"):
        parse_filter(text)


def test_unknown_attribute_lists_the_known_ones():
    with pytest.raises(DataError, match=r"Unknown attribute 'color'\. Did you mean 'colour'\? Known: colour, "):
        mask([parse_filter("color=red")], TABLE)


def test_missing_numbers_in_nullable_columns():
    column = pd.DataFrame({"price": pd.array([1, None, 3], dtype="Int64")})
    assert mask([parse_filter("price>=1")], column).tolist() == [True, False, True]
