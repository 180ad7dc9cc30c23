from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from product_matching.dataset import Catalog, load_pairs, match_pairs
from product_matching.dataset.pairs import side_of_pairs
from product_matching.errors import DataError


def shop(rows):
    columns = ("product_id", "image", "title", "description", "tags", "kind")
    return Catalog(pd.DataFrame(rows, columns=columns).astype(object))


@pytest.fixture(scope="module")
def catalog():
    """40 products of 4 kinds; each title is on two of them."""
    return shop([(str(i), f"{i}.jpg", f"商品 item {i // 2}", "", "", f"kind {i // 10}") for i in range(40)])


@pytest.fixture(scope="module")
def pairs(catalog):
    return match_pairs(catalog, seed=0)


def test_each_product_has_one_true_and_one_false_pair(pairs):
    true, false = pairs.label == 1, pairs.label == 0
    np.testing.assert_array_equal(pairs.image[true], np.arange(40))
    np.testing.assert_array_equal(pairs.text[true], np.arange(40))
    np.testing.assert_array_equal(pairs.image[false], np.arange(40))
    assert len(pairs) == 80


def test_false_text_is_of_another_group(catalog, pairs):
    false, groups = pairs.label == 0, catalog.groups()
    assert (groups[pairs.image[false]] != groups[pairs.text[false]]).all()


def test_half_of_the_false_texts_are_of_the_same_kind(catalog, pairs):
    false, kinds = pairs.label == 0, catalog.table["kind"].to_numpy()
    same = kinds[pairs.image] == kinds[pairs.text]
    assert same[false].sum() == 20
    np.testing.assert_array_equal(pairs.hard, same & false)


def test_seed_draws_the_pairs(catalog, pairs):
    np.testing.assert_array_equal(match_pairs(catalog, seed=0).text, pairs.text)
    assert (match_pairs(catalog, seed=1).text != pairs.text).any()


def test_product_without_image_or_text_is_not_asked_about():
    rows = [
        ("1", "a.jpg", "mug", "", "", "x"),
        ("2", "", "杯", "", "", "x"),
        ("3", "b.jpg", "", "", "red", "x"),
        ("4", "c.jpg", "", "a shoe", "", "x"),
    ]
    pairs = match_pairs(shop(rows))
    assert set(pairs.image) == set(pairs.text) == {0, 3}
    assert pairs.label.tolist() == [1, 1, 0, 0]


def test_kind_of_one_product_takes_its_false_text_elsewhere():
    pairs = match_pairs(shop([(str(i), "a.jpg", f"item {i}", "", "", f"kind {i}") for i in range(6)]))
    assert not pairs.hard.any()
    assert (pairs.image[6:] != pairs.text[6:]).all()


def test_shop_of_one_kind_has_hard_pairs_alone():
    pairs = match_pairs(shop([(str(i), "a.jpg", f"item {i}", "", "", "mug") for i in range(6)]))
    assert pairs.hard[6:].all()


def test_kind_is_the_named_column_or_the_first_tag():
    rows = [(str(i), "a.jpg", f"item {i}", "", f"{'ab'[i % 2]}|x", "mug") for i in range(8)]
    by_tag = match_pairs(Catalog(shop(rows).table.drop(columns="kind")))
    parity = by_tag.image % 2 == by_tag.text % 2
    np.testing.assert_array_equal(by_tag.hard, parity & (by_tag.label == 0))
    assert by_tag.hard.sum() == 4
    assert match_pairs(shop(rows), category="kind").hard[8:].all()


@pytest.mark.parametrize("rows", [[], [("1", "a.jpg", "mug", "", "", "x"), ("2", "b.jpg", "MUG!", "", "", "x")]])
def test_fewer_than_two_groups_are_an_error(rows):
    with pytest.raises(DataError, match="two different products"):
        match_pairs(shop(rows))


def test_unknown_category_is_an_error(catalog):
    with pytest.raises(DataError, match="Did you mean 'kind'"):
        match_pairs(catalog, category="kinds")


# Tables of pairs ------------------------------------------------------------------------------------------------------


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_become_numbers(tmp_path):
    path = write(
        tmp_path / "p.csv",
        "left_title,right_title,label\na,b,1\nc,d,0\n杯,mug,TRUE\ne,f,False\ng,h,1.0\n".replace("TRUE", "True"),
    )
    assert load_pairs(path)["label"].tolist() == [1, 0, 1, 0, 1]


def test_labels_are_no_need(tmp_path):
    path = write(tmp_path / "p.csv", "l_name,r_name\n红色跑鞋,red shoes\n")
    assert load_pairs(path, left="l_", right="r_").loc[2].tolist() == ["红色跑鞋", "red shoes"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("left_title,title\na,b\n", "no column that starts with 'right_'. It has: left_title, title"),
        ("a,b\n1,2\n", "no column that starts with 'left_'"),
        ("left_title,right_title\n", "no pairs"),
        ("left_title,right_title,label\na,b,1\nc,d,maybe\n", "row 3, column label: 'maybe' is neither 0 nor 1"),
        ("left_title,right_title,label\na,b,\n", "row 2, column label: ''"),
    ],
)
def test_bad_tables_are_clear_errors(tmp_path, text, said):
    with pytest.raises(DataError) as error:
        load_pairs(write(tmp_path / "p.csv", text))
    assert said in str(error.value)


def test_side_is_a_catalogue_of_its_columns(tmp_path):
    path = write(
        tmp_path / "p.csv",
        "left_image,left_name,left_brand,left_colour,right_title,right_description\n"
        "a.jpg,红色跑鞋,耐克,red,red shoes,light\n,mug,,blue,杯子,\n",
    )
    table = load_pairs(path)
    left, right = side_of_pairs(table, "left_", tmp_path), side_of_pairs(table, "right_", tmp_path)
    assert left.table["title"].tolist() == ["红色跑鞋", "mug"]
    assert left.table["description"].tolist() == ["耐克 red", "blue"]
    assert left.image_paths() == [str(Path(tmp_path, "a.jpg")), ""]
    assert right.table.loc[0, ["title", "description", "tags"]].tolist() == ["red shoes", "light", ""]
    assert len(right) == 2


def test_other_columns_follow_the_description(tmp_path):
    path = write(tmp_path / "p.csv", "l_title,l_description,l_size,r_title\nmug,dishwasher safe,350ml,b\n")
    side = side_of_pairs(load_pairs(path, left="l_", right="r_"), "l_", tmp_path)
    assert side.table.loc[0, "description"] == "dishwasher safe 350ml"


def test_side_with_both_title_and_name_keeps_both(tmp_path):
    path = write(tmp_path / "p.csv", "l_title,l_name,r_title\nmug,Pikko,b\n")
    side = side_of_pairs(load_pairs(path, left="l_", right="r_"), "l_", tmp_path)
    assert side.table.loc[0, ["title", "description"]].tolist() == ["mug", "Pikko"]
