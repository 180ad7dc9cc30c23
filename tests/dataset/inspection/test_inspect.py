"""The report against counts made by hand."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from product_matching.dataset import load_data
from product_matching.dataset.inspection import inspect_catalog, write_page
from product_matching.dataset.inspection.languages import language
from product_matching.dataset.inspection.prices import parse_price, price_column, price_outliers

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red mug, 350 ml", "en"),
        ("Café crème", "en"),
        ("红色跑鞋 42码", "zh"),
        ("红色跑鞋轻便透气 Nike", "zh"),
        ("Nike Air Max running shoes 鞋", "en"),
        ("Nike 跑鞋 Air Max", "mixed"),
        ("かわいいバッグ", "other"),
        ("حذاء أحمر", "other"),
        ("красная кружка", "other"),
        ("42 - 350", "none"),
        ("", "none"),
        ("★☆", "none"),
    ],
)
def test_language_is_told_by_script(text, expected):
    assert language(text) == expected


@pytest.mark.parametrize(
    ("text", "price"),
    [
        *[("9.5", 9.5), ("$1,299.00", 1299.0), ("1.299,00 €", 1299.0), ("12,99", 12.99), ("￥88", 88.0)],
        *[("1,299", 1299.0), ("1.299.000", 1299000.0), ("1 299,50 kr", 1299.5), ("-5", -5.0), ("1'299.90 CHF", 1299.9)],
        *[("EUR 0,99", 0.99), ("88元", 88.0), ("12.", 12.0), ("0", 0.0), ("12.345", 12.345)],
    ],
)
def test_prices_are_read_however_they_are_written(text, price):
    assert parse_price(text) == price


@pytest.mark.parametrize("text", ["", "on request", "N/A", "€"])
def test_what_is_no_price_is_unknown(text):
    assert np.isnan(parse_price(text))


def test_the_price_column_is_found_by_name():
    assert price_column(["brand", "List Price", "cost"]) == "List Price"
    assert price_column(["品牌", "售价"]) == "售价"
    assert price_column(["brand"]) == ""


def test_outliers_are_judged_within_their_kind():
    prices = np.array([*np.linspace(8, 12, 40), *np.linspace(800, 1200, 40), 900.0, 0.0, np.nan])
    kinds = pd.Series(["mug"] * 40 + ["sofa"] * 40 + ["mug", "mug", "mug"])
    assert price_outliers(prices, kinds).tolist() == [81, 80]
    # 900 is a fine price for a sofa, and for a kind of which there are few.
    assert price_outliers(prices, kinds.where(kinds.index != 80, "sofa")).tolist() == [81]


def test_equal_prices_make_no_outliers_of_near_ones():
    prices = np.array([10.0] * 50 + [12.0, 1000.0])
    assert price_outliers(prices, pd.Series(["mug"] * 52)).tolist() == [51]


@pytest.fixture(scope="module")
def shop(tmp_path_factory, photo, again):
    """A catalogue of 48 rows, of which every count is known."""
    folder = tmp_path_factory.mktemp("inspect")
    photo(1).save(folder / "a.png")
    (folder / "copy.png").write_bytes((folder / "a.png").read_bytes())
    again(photo(1), 60, 0.5).save(folder / "small.jpg")
    photo(2).save(folder / "b.png")
    Image.new("RGB", (40, 20), "grey").save(folder / "none.png")
    rows = [
        ("1", "a.png", "Red mug", "", "mug|red", "9"),
        ("2", "copy.png", "Red mug!", "", "mug|red", "10"),
        ("3", "small.jpg", "Oak table", "", "table", "11"),
        ("4", "b.png", EVIL, "红色跑鞋", "", "1000"),
        ("5", "", "", "Nike 跑鞋 Air Max", "mug", "free"),
        ("6", "absent.png", "cup", "", "", "10"),
        ("6", "", "cup", "", "", "10"),
        *((f"n{i}", "none.png", f"Glass number {i}", "", "mug", f"{10 + i / 100}") for i in range(41)),
    ]
    lines = ["product_id,image,title,description,tags,price", *(",".join(row) for row in rows)]
    (folder / "shop.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_data(folder / "shop.csv", near_duplicates=False)


@pytest.fixture(scope="module")
def inspected(shop):
    return inspect_catalog(shop)


def test_counts(inspected):
    report = inspected[0]
    assert (report["rows"], report["accepted"], report["rejected"]) == (48, 46, 2)
    assert report["reasons"] == {"image: there is no file …": 1, "product_id: another row above has the same id": 1}
    assert report["missing"] == {"image": 1, "title": 1, "description": 44, "tags": 1}
    assert report["groups"] == 45  # "Red mug" twice
    assert report["languages"] == {"en": 44, "zh": 0, "mixed": 2, "other": 0, "none": 0}
    assert report["tag_frequencies"] == {"mug": 44, "red": 2, "table": 1}
    assert report["tags_once"] == 1
    assert report["text_lengths"]["description"] == {"min": 4, "median": 9.5, "p95": 14.45, "max": 15}
    assert report["image_sizes"]["width"] == {"min": 40, "median": 120, "p95": 160, "max": 160}
    assert report["images_small"] == 1
    assert report["attribute_values"] == {"price": {"filled": 46, "different": 46}}


def test_prices(inspected):
    price = inspected[0]["price"]
    assert (price["column"], price["known"], price["unreadable"], price["outliers"]) == ("price", 45, 1, 1)
    assert price["examples"] == [{"product_id": "4", "row": 5, "price": "1000"}]


def test_duplicates(inspected):
    found = {name: (one["sets"], one["products"]) for name, one in inspected[0]["duplicates"].items()}
    assert found == {
        "same_image": (2, 43),
        "near_image": (2, 44),
        "same_text": (1, 2),
        "near_text": (1, 2),
        "contradictions": (1, 3),
        "placeholders": (1, 41),
    }
    assert inspected[0]["duplicates"]["contradictions"]["examples"] == [["1", "2", "3"]]


def test_page_is_one_file_that_shows_no_code_of_the_table(shop, inspected, tmp_path):
    write_page(tmp_path / "report.html", *inspected, shop, source=f"{EVIL}.csv")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 3
    assert page.count('src="data:image/jpeg;base64,') >= 8
    assert "http" not in page.replace("http-equiv", "")
    assert "another row above has the same id" in page


def test_page_of_nothing(tmp_path):
    (tmp_path / "shop.csv").write_text("product_id,title\n,mug\n", encoding="utf-8")
    empty = load_data(tmp_path / "shop.csv", allow_empty=True)
    report, duplicates = inspect_catalog(empty)
    assert (report["rows"], report["accepted"], report["rejected"]) == (1, 0, 1)
    write_page(tmp_path / "report.html", report, duplicates, empty, source="shop.csv")
    assert "the product has no id" in (tmp_path / "report.html").read_text(encoding="utf-8")
