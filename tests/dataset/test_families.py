"""Families joined by pictures, splits that hold to them, and the check that finds leaks."""

import numpy as np
import pytest
from PIL import Image

from product_matching.dataset import load_data
from product_matching.dataset.leaks import check_leaks, check_unseen
from product_matching.dataset.splitting import KnownSides
from product_matching.errors import DataError


def write(folder, rows, name="shop.csv"):
    lines = ["product_id,title,image", *(",".join(row) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photo, again):
    folder = tmp_path_factory.mktemp("families")
    for seed in range(30):
        photo(seed).save(folder / f"{seed}.png")
        again(photo(seed)).save(folder / f"{seed}-again.jpg")
    Image.new("RGB", (60, 60), "grey").save(folder / "no-photo.png")
    return folder


def rows_of(numbers):
    """Two products a number, of different titles, which show one picture."""
    return [
        row
        for i in numbers
        for row in ((f"a{i}", f"Red mug {i}", f"{i}.png"), (f"b{i}", f"Tasse {i}", f"{i}-again.jpg"))
    ]


def sides(catalog, **options):
    parts = zip(("train", "val", "test"), catalog.split(**{"val": 0.3, "test": 0.3, **options}), strict=True)
    return {product: name for name, part in parts for product in part.table["product_id"]}


def test_products_that_show_one_picture_are_on_one_side(folder):
    catalog = load_data(write(folder, rows_of(range(30))))
    found = sides(catalog)
    assert all(found[f"a{i}"] == found[f"b{i}"] for i in range(30))
    assert set(found.values()) == {"train", "val", "test"}
    assert len(np.unique(catalog.families())) == 30
    assert len(np.unique(catalog.groups())) == 60


def test_title_and_picture_join_in_a_chain(folder):
    # 1 and 2 share a title, 2 and 3 a picture, 3 and 4 a title.
    rows = [
        ("1", "mug", ""),
        ("2", "mug", "1.png"),
        ("3", "cup", "1-again.jpg"),
        ("4", "cup", "2.png"),
        ("5", "pot", ""),
    ]
    families = load_data(write(folder, rows)).families()
    assert len(set(families[:4])) == 1
    assert families[4] != families[0]


def test_it_can_be_left_out(folder):
    table = write(folder, rows_of(range(5)))
    assert len(np.unique(load_data(table, near_duplicates=False).families())) == 10
    assert len(np.unique(load_data(table, group_by="product_id").families())) == 10


def test_a_placeholder_joins_nothing(folder):
    rows = [(str(i), f"product {i}", "no-photo.png") for i in range(25)]
    assert len(np.unique(load_data(write(folder, rows)).families())) == 25


def test_new_rows_move_no_old_one(folder):
    before = sides(load_data(write(folder, [row for row in rows_of(range(20)) if row[0][0] == "a"])))
    old = [row for row in rows_of(range(20)) if row[0][0] == "a"]
    new = [row for row in rows_of(range(30)) if row not in old]
    after = sides(load_data(write(folder, old + new)))
    assert {product: after[product] for product in before} == before


def test_a_known_split_is_kept_whatever_comes_before(folder):
    old = [row for row in rows_of(range(20)) if row[0][0] == "a"]
    catalog = load_data(write(folder, old))
    before = sides(catalog)
    known = KnownSides.of(part.groups() for part in catalog.split(val=0.3, test=0.3))
    known.save(folder / "split.npz")
    # New rows lead now, and one joins two old families: a0 and a1 by title and picture.
    new = [row for row in rows_of(range(20)) if row not in old] + [("bridge", "Red mug 0", "1-again.jpg")]
    grown = load_data(write(folder, new + old))
    after = sides(grown, known=KnownSides.load(folder / "split.npz"))
    assert {product: after[product] for product in before} == before
    assert all(after[f"b{i}"] == before[f"a{i}"] for i in range(2, 20))
    assert sides(grown) != after


def test_a_split_of_ours_leaks_nothing(folder):
    catalog = load_data(write(folder, [*rows_of(range(30)), *((f"n{i}", f"n {i}", "no-photo.png") for i in range(25))]))
    check_leaks(dict(zip(("train", "val", "test"), catalog.split(val=0.3, test=0.3), strict=True)))


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([("1", "red mug", ""), ("1b", "RED mug!", "")], "groups"),
        ([("1", "red mug", "1.png"), ("2", "cup", "1-again.jpg")], "families"),
        ([("1", "red mug", "1.png"), ("2", "cup", "1.png")], "families"),
    ],
)
def test_a_leak_is_an_error(folder, rows, what):
    catalog = load_data(write(folder, rows))
    with pytest.raises(DataError, match=f"leaks: 1 {what} stand in both train and test"):
        check_leaks({"train": catalog.take(np.array([0])), "test": catalog.take(np.array([1]))})


def test_one_file_under_two_titles_is_a_leak_even_without_families(folder):
    catalog = load_data(write(folder, [("1", "red mug", "1.png"), ("2", "cup", "1.png")]), near_duplicates=False)
    parts = {"train": catalog.take(np.array([0])), "test": catalog.take(np.array([1]))}
    check_leaks(parts, images=False)
    with pytest.raises(DataError, match=r"1 image files .* '1' and '2'"):
        check_leaks(parts)


def test_one_id_twice_is_a_leak(folder):
    catalog = load_data(write(folder, [("1", "red mug", ""), ("2", "cup", "")]))
    with pytest.raises(DataError, match="product ids"):
        check_leaks({"train": catalog, "val": catalog.take(np.array([1]))})


def test_what_was_learned_may_not_be_asked(folder):
    catalog = load_data(write(folder, [("1", "red mug", ""), ("2", "cup", ""), ("3", "pot", "")]))
    train, rest = catalog.take(np.array([0])), catalog.take(np.array([1, 2]))
    known = KnownSides.of([train.groups(), rest.groups()[:1], np.zeros(0, np.int64)])
    assert check_unseen(train, "train", known) == 1
    assert check_unseen(catalog, "all", known) == 1
    assert check_unseen(rest.take(np.array([1])), "test", known) == 0
    with pytest.raises(DataError, match=r"1 of 2 products of the side 'test' .* '2', which was in 'val'"):
        check_unseen(rest, "test", known)
