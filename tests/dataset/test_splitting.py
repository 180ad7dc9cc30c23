import numpy as np
import pandas as pd
import pytest

from product_matching.dataset import Catalog
from product_matching.dataset.splitting import assign_parts, normalise_title
from product_matching.errors import DataError


def shop(count, first=0):
    numbers = range(first, first + count)
    table = {
        "product_id": [f"p{i}" for i in numbers],
        "image": [""] * count,
        # Two products in a row have one title, written differently.
        "title": [f"Red mug {i // 2}" if i % 2 else f"RED  Mug, {i // 2}!" for i in numbers],
        "description": ["很轻"] * count,
        "tags": [""] * count,
        "parent": [f"family {i % 50}" for i in numbers],
    }
    return Catalog(pd.DataFrame(table).astype(object))


def sides(catalog, **options):
    parts = zip(("train", "val", "test"), catalog.split(**options), strict=True)
    return {product: name for name, part in parts for product in part.table["product_id"]}


@pytest.mark.parametrize(
    ("title", "folded"),
    [
        ("Red  MUG, 350ml!", "red mug 350ml"),
        ("ＲＥＤ　ｍｕｇ（350ml）", "red mug 350ml"),
        ("红色-跑鞋", "红色 跑鞋"),
        ("Straße_42", "strasse 42"),
        ("", ""),
        ("!?", ""),
    ],
)
def test_titles_are_folded(title, folded):
    assert normalise_title(title) == folded


def test_every_product_is_on_one_side():
    catalog = shop(300)
    parts = catalog.split(seed=0)
    assert sorted(pd.concat([part.table for part in parts])["product_id"]) == sorted(catalog.table["product_id"])


def test_same_title_is_on_one_side():
    found = sides(shop(600), seed=1, val=0.3, test=0.3)
    assert all(found[f"p{i}"] == found[f"p{i + 1}"] for i in range(0, 600, 2))


def test_named_group_is_on_one_side():
    catalog = shop(600)
    grouped = Catalog(catalog.table, group_by="parent")
    found = sides(grouped, seed=1, val=0.3, test=0.3)
    assert all(found[f"p{i}"] == found[f"p{i + 50}"] for i in range(550))
    assert set(found.values()) == {"train", "val", "test"}


def test_new_rows_and_another_order_move_no_product():
    before = sides(shop(200), seed=0)
    more = pd.concat([shop(200, first=200).table, shop(200).table]).sample(frac=1, random_state=0)
    after = sides(Catalog(more), seed=0)
    assert {product: after[product] for product in before} == before


def test_shares_are_about_the_asked_ones():
    parts = assign_parts([f"key {i}" for i in range(20_000)], 0, val=0.1, test=0.2)
    # Four standard deviations of a share of 20 000 draws are below 0.012.
    assert np.mean(parts == "val") == pytest.approx(0.1, abs=0.012)
    assert np.mean(parts == "test") == pytest.approx(0.2, abs=0.012)


def test_seed_draws_the_split():
    keys = [f"键 {i}" for i in range(500)]
    first, again, other = (assign_parts(keys, seed, val=0.2, test=0.2) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_no_share_leaves_all_to_train():
    assert set(assign_parts(["a", "b", "杯"], 0, val=0.0, test=0.0)) == {"train"}


def test_product_without_title_is_grouped_by_its_description_or_alone():
    table = pd.DataFrame({name: [""] * 5 for name in ("image", "tags")})
    table["product_id"] = list("abcde")
    table["title"] = ["", "", "", "", "light"]
    table["description"] = ["Light", "light!", "", "", ""]
    a, b, c, d, e = Catalog(table).groups()
    assert a == b
    assert len({a, c, d, e}) == 4


def test_groups_are_the_same_in_every_table():
    catalog = shop(20)
    np.testing.assert_array_equal(catalog.take(np.arange(5, 12)).groups(), catalog.groups()[5:12])


def test_group_of_an_absent_column_is_an_error():
    with pytest.raises(DataError, match=r"Unknown column 'parant'\. Did you mean 'parent'"):
        Catalog(shop(4).table, group_by="parant").groups()


def test_real_splits_share_no_group(tiny_split):
    groups = [set(part.groups()) for part in tiny_split]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    assert all(len(part) for part in tiny_split)
