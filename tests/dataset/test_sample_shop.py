import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from product_matching.dataset.sample_shop import (
    AttributeQuery,
    attribute_precision,
    attribute_queries,
    make_sample_shop,
)
from product_matching.dataset.sample_shop.finishes import finish
from product_matching.dataset.sample_shop.kinds import BRANDS, KINDS
from product_matching.dataset.sample_shop.listing import draw_listing
from product_matching.dataset.sample_shop.outlines import Tone, box, ellipse, flipped, line, smooth
from product_matching.dataset.sample_shop.patterns import pattern_mask
from product_matching.dataset.sample_shop.photo import photograph
from product_matching.dataset.sample_shop.pigments import shade_of
from product_matching.dataset.sample_shop.shop import draw_share
from product_matching.dataset.sample_shop.shoppers import buy
from product_matching.dataset.sample_shop.silhouettes import silhouette
from product_matching.dataset.sample_shop.spec import ProductSpec, draw_spec
from product_matching.dataset.sample_shop.vocabulary import COLOURS, MATERIALS, PATTERNS, SHAPES
from product_matching.errors import DataError

pytestmark = pytest.mark.slow

COLUMNS = [
    "product_id", "image", "title", "description", "tags", "kind", "colour", "second_colour", "pattern",
    "material", "shape", "brand", "price", "language",
]  # fmt: skip
MUG = ProductSpec("mug", "red", "white", "striped", "ceramic", "tall", "Pikko", 9.5)
SHAPES_OF_KINDS = [(kind, shape) for kind, about in KINDS.items() for shape in about.shapes]


def read(path):
    return pd.read_csv(path, keep_default_na=False)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return make_sample_shop(tmp_path_factory.mktemp("shop"), products=120, shoppers=80, seed=3)


@pytest.fixture(scope="module")
def catalog(shop):
    return read(shop.catalog)


@pytest.fixture(scope="module")
def purchases(shop):
    return read(shop.interactions)


@pytest.fixture(scope="module")
def many():
    """The attributes and texts of many products, without their photos."""
    listings = [draw_listing(0, number) for number in range(2400)]
    specs = pd.DataFrame([vars(listing.spec) for listing in listings])
    texts = pd.DataFrame([vars(listing.writing) for listing in listings])
    tags = pd.Series([listing.tags for listing in listings], name="tags")
    return pd.concat([specs, texts, tags], axis=1)


# The tables


def test_layout(shop, catalog):
    assert (shop.catalog.name, shop.interactions.name) == ("catalog.csv", "interactions.csv")
    assert list(catalog.columns) == COLUMNS
    assert catalog["product_id"].tolist() == [f"P{number:05d}" for number in range(120)]
    assert catalog.loc[12, "image"] == "images/00/00012.jpg"
    assert not list(shop.catalog.parent.glob("*.part"))


def test_every_image_opens(shop, catalog):
    named = [name for name in catalog["image"] if name]
    for name in named:
        with Image.open(shop.catalog.parent / name) as picture:
            picture.load()
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (96, 96))
    assert len(list((shop.catalog.parent / "images").rglob("*.jpg"))) == len(named)


def test_a_smaller_shop_is_the_beginning_of_a_larger_one(tmp_path, shop, catalog):
    small = make_sample_shop(str(tmp_path), products=20, shoppers=5, seed=3)
    pd.testing.assert_frame_equal(read(small.catalog), catalog.head(20))
    for name in filter(None, catalog["image"].head(20)):
        assert (tmp_path / name).read_bytes() == (shop.catalog.parent / name).read_bytes()


def test_same_seed_same_files_and_another_seed_other_ones(tmp_path):
    one, same, other = (
        make_sample_shop(tmp_path / name, products=10, shoppers=4, seed=seed)
        for name, seed in (("one", 0), ("same", 0), ("other", 1))
    )
    assert one.catalog.read_bytes() == same.catalog.read_bytes()
    assert one.interactions.read_bytes() == same.interactions.read_bytes()
    assert set(read(one.catalog)["title"]) & set(read(other.catalog)["title"]) <= {""}


def test_progress_counts_products(tmp_path):
    seen = []
    make_sample_shop(tmp_path, products=3, shoppers=1, progress=seen.append)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("counts", [{"products": 0}, {"shoppers": 0}])
def test_refuses_an_empty_shop(tmp_path, counts):
    with pytest.raises(DataError, match="at least 1 product"):
        make_sample_shop(tmp_path, **counts)


# Attributes


def test_vocabulary_covers_the_kinds():
    assert len(KINDS) >= 16
    for name, kind in KINDS.items():
        assert set(kind.colours) == set(COLOURS), name
        assert set(kind.patterns) == set(PATTERNS), name
        assert set(kind.shapes) <= set(SHAPES), name
        assert set(kind.materials) <= set(MATERIALS), name
        assert 2 <= len(kind.shapes) <= 3
    assert {shape for _, shape in SHAPES_OF_KINDS} == set(SHAPES)
    assert {material for kind in KINDS.values() for material in kind.materials} == set(MATERIALS)


@pytest.mark.parametrize(
    "table", [COLOURS, PATTERNS, MATERIALS, SHAPES], ids=["colour", "pattern", "material", "shape"]
)
def test_every_value_has_synonyms_in_both_languages(table):
    for slug, words in table.items():
        assert len(words.before) >= 3, slug
        assert len(words.after) >= 1, slug
        assert len(words.chinese) >= 2, slug
        assert len(set(words.before)) == len(words.before)


def test_no_word_means_two_values_of_one_kind():
    for kind in KINDS.values():
        for table, slugs in ((SHAPES, kind.shapes), (MATERIALS, kind.materials), (COLOURS, kind.colours)):
            words = [word for slug in slugs for word in {*table[slug].before, *table[slug].chinese}]
            assert len(words) == len(set(words)), slugs


def agreement(table, columns, within=()):
    """Share of pairs of two rows that agree in all columns, among those that agree in `within`."""
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, len(table), (2, 200_000))
    codes = {name: pd.factorize(table[name])[0] for name in [*columns, *within]}
    counted = left != right
    for name in within:
        counted &= codes[name][left] == codes[name][right]
    agrees = np.all([codes[name][left] == codes[name][right] for name in columns], axis=0)
    return agrees[counted].mean()


def test_one_attribute_alone_says_little(many):
    assert 0.11 < agreement(many, ["colour"]) < 0.21
    assert 0.18 < agreement(many, ["colour"], within=["kind"]) < 0.29
    assert 0.2 < agreement(many, ["pattern"], within=["kind"]) < 0.34
    assert agreement(many, ["colour", "pattern", "shape", "material"], within=["kind"]) < 0.02


def test_enough_combinations_are_frequent(many):
    # 6 of 2,400 are 10 of 4,000.
    assert (many.groupby(["kind", "colour", "pattern"]).size() >= 6).sum() >= 60


def test_second_colour_belongs_to_patterns(many):
    plain = many["pattern"] == "plain"
    assert (many.loc[plain, "second_colour"] == "").all()
    assert many.loc[~plain, "second_colour"].isin(list(COLOURS)).all()
    assert (many["colour"] != many["second_colour"]).all()


def test_draw_spec_depends_on_the_generator_only():
    assert draw_spec(np.random.default_rng(5)) == draw_spec(np.random.default_rng(5))
    specs = {draw_spec(np.random.default_rng(seed)) for seed in range(50)}
    assert len(specs) == 50
    assert all(spec.price > 0 and spec.group in BRANDS[spec.brand][2] for spec in specs)


# Words


def test_missing_fields_and_languages(many, catalog):
    assert (many["title"] == "").mean() == pytest.approx(0.02, abs=0.01)
    assert (many["description"] == "").mean() == pytest.approx(0.12, abs=0.03)
    assert (many["tags"].str.len() == 0).mean() == pytest.approx(0.08, abs=0.02)
    assert (many["language"] == "en").mean() == pytest.approx(2 / 3, abs=0.04)
    assert not ((many["title"] == "") & (many["description"] == "")).any()
    assert (catalog["image"] == "").mean() < 0.05


def test_tags_are_part_of_the_controlled_vocabulary(many):
    groups = {kind.group for kind in KINDS.values()}
    known = {*KINDS, *groups, *COLOURS, *PATTERNS, *MATERIALS, *SHAPES}
    for row in many.itertuples():
        assert set(row.tags) <= known
        assert set(row.tags) <= {
            row.kind,
            KINDS[row.kind].group,
            row.colour,
            row.pattern,
            row.material,
            row.shape,
        }
        assert len(set(row.tags)) == len(row.tags)


def test_text_is_in_the_language_of_the_product(many):
    chinese = many["language"] == "zh"
    has_chinese = (many["title"] + many["description"]).str.contains("[\u4e00-\u9fff]", regex=True)
    assert (has_chinese == chinese).all()


@pytest.mark.parametrize(
    ("attribute", "table", "share"),
    [("colour", COLOURS, 0.97), ("shape", SHAPES, 0.90), ("material", MATERIALS, 0.80)],
)
def test_attributes_are_mentioned_as_often_as_promised(many, attribute, table, share):
    texts = (many["title"] + " " + many["description"]).str.lower()
    said = [
        any(word.lower() in text for word in (*words.before, *words.after, *words.chinese))
        for text, words in zip(texts, many[attribute].map(table), strict=True)
    ]
    # Some words hold others ("low" in "yellow"), and some are misspelt.
    assert np.mean(said) == pytest.approx(share, abs=0.05)


def test_description_length(many):
    english = many[(many["language"] == "en") & (many["description"] != "")]["description"]
    words = english.str.split().str.len()
    assert 8 <= words.median() <= 20
    assert words.max() < 40


def test_twins_share_title_and_attributes_but_not_the_photo(many):
    twins = many[(many["brand"] == "") & (many["title"] != "")]
    assert len(twins) / len(many) == pytest.approx(0.04, abs=0.015)
    attributes = ["kind", "colour", "pattern", "shape", "material", "language"]
    for number, twin in twins.head(50).iterrows():
        earlier = many.loc[: number - 1]
        same = earlier[earlier["title"] == twin["title"]]
        assert (same[attributes] == twin[attributes]).all(axis=1).any()


# Pictures


def test_two_photos_of_one_product_differ():
    one, two = (np.asarray(photograph(MUG, np.random.default_rng(seed)), float) for seed in (1, 2))
    assert np.abs(one - two).mean() > 20


def test_every_product_is_photographed_before_another_background(shop, catalog):
    corners = []
    for name in filter(None, catalog["image"]):
        with Image.open(shop.catalog.parent / name) as picture:
            corners.append(picture.getpixel((1, 1)))
    assert np.std(corners, axis=0).min() > 40


def test_the_pattern_shows_in_the_photo():
    plain = np.asarray(photograph(replace(MUG, pattern="plain"), np.random.default_rng(4)), float)
    striped = np.asarray(photograph(MUG, np.random.default_rng(4)), float)
    changed = np.abs(plain - striped).max(axis=-1) > 60
    assert 0.02 < changed.mean() < 0.4


def test_a_photo_depends_on_the_generator_only():
    one, two = (photograph(MUG, np.random.default_rng(7)) for _ in range(2))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize(("kind", "shape"), SHAPES_OF_KINDS)
def test_silhouette_fits_the_square_and_shows_the_products_colour(kind, shape):
    parts = silhouette(kind, shape)
    outlines = np.concatenate([part.outline for part in parts])
    assert outlines.min() > -0.06
    assert outlines.max() < 1.06
    assert np.ptp(outlines, axis=0).max() > 0.7
    assert {Tone.BODY} <= {part.tone for part in parts}
    assert len({part.tone for part in parts}) >= 2


def test_shapes_of_a_kind_have_silhouettes_of_their_own():
    for kind, about in KINDS.items():
        drawn = {tuple(np.concatenate([p.outline for p in silhouette(kind, s)]).ravel()) for s in about.shapes}
        assert len(drawn) == len(about.shapes), kind


def test_outlines():
    assert box(0.1, 0.2, 0.5, 0.6).tolist() == pytest.approx(np.array([[0.1, 0.2], [0.5, 0.2], [0.5, 0.6], [0.1, 0.6]]))
    assert np.hypot(*(ellipse(0.5, 0.5, 0.2, 0.2) - 0.5).T) == pytest.approx(0.2, abs=1e-6)
    assert flipped(flipped(box(0.1, 0.2, 0.5, 0.6))) == pytest.approx(box(0.1, 0.2, 0.5, 0.6))
    assert np.ptp(line((0.0, 0.5), (1.0, 0.5), 0.1)[:, 1]) == pytest.approx(0.1)
    # A curve that cuts corners stays inside the polygon.
    curve = smooth((0, 0), (1, 0), (1, 1), (0, 1))
    assert (curve >= 0).all()
    assert (curve <= 1).all()


def grid():
    rows, columns = np.mgrid[0:80, 0:80].astype(np.float32) / 80
    return columns.ravel(), rows.ravel()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_leave_the_first_colour_in_front(pattern):
    shares = [pattern_mask(pattern, *grid(), np.random.default_rng(seed)).mean() for seed in range(10)]
    if pattern == "plain":
        assert shares == [0] * 10
    else:
        assert min(shares) > 0.1
        assert np.mean(shares) < 0.51


@pytest.mark.parametrize("material", MATERIALS)
def test_finishes_keep_the_colour(material):
    light = finish(material, *grid(), np.random.default_rng(0))
    assert light.shape == (6400,)
    assert 0.75 < light.mean() < 1.2
    assert light.std() > 0.01


def test_a_named_colour_is_nearest_to_itself():
    rng = np.random.default_rng(0)
    middles = {name: np.mean([shade_of(name, rng) for _ in range(40)], axis=0) for name in COLOURS}
    draws = [(name, shade_of(name, rng)) for name in COLOURS for _ in range(40)]
    nearest = [min(middles, key=lambda other: np.abs(middles[other] - shade).sum()) for _, shade in draws]
    assert np.mean([found == name for (name, _), found in zip(draws, nearest, strict=True)]) > 0.95


def test_the_colour_of_the_product_shows_in_the_photo():
    def mean_colour(colour):
        mug = replace(MUG, colour=colour, pattern="plain", second_colour="")
        photos = [photograph(mug, np.random.default_rng(seed)) for seed in range(15)]
        return np.mean([np.asarray(photo, float).mean((0, 1)) for photo in photos], axis=0)

    red, blue = mean_colour("red"), mean_colour("blue")
    assert red[0] - red[2] > blue[0] - blue[2] + 15


# Shoppers


def test_purchases_are_sorted_and_name_known_products(purchases, catalog):
    assert list(purchases.columns) == ["user_id", "product_id", "timestamp", "event"]
    assert set(purchases["product_id"]) <= set(catalog["product_id"])
    assert set(purchases["event"]) == {"purchase"}
    moments = pd.to_datetime(purchases["timestamp"], format="ISO8601", utc=True)
    assert moments.is_monotonic_increasing
    assert (moments.max() - moments.min()).days <= 180


def test_each_shopper_buys_8_to_40_and_seldom_the_same_again(purchases):
    counts = purchases.groupby("user_id").size()
    assert counts.index.tolist() == [f"U{number:04d}" for number in range(1, 81)]
    assert counts.min() >= 8
    assert counts.max() <= 40
    assert purchases.duplicated(["user_id", "product_id"]).mean() < 0.04


def concentration(purchases, values):
    """Mean over shoppers of the share of their purchases that fall on their favourite value."""
    bought = purchases.assign(value=values)
    return bought.groupby("user_id")["value"].agg(lambda column: column.value_counts(normalize=True).iloc[0]).mean()


@pytest.mark.parametrize(("attribute", "gain"), [("kind", 0.08), ("colour", 0.04), ("brand", 0.02)])
def test_shoppers_have_tastes(many, attribute, gain):
    shelf = many.assign(product_id=many.index)
    purchases = buy(shelf, shoppers=60, seed=0)
    values = purchases["product_id"].map(shelf[attribute])
    shuffled = values.sample(frac=1, random_state=0).to_numpy()
    assert concentration(purchases, values.to_numpy()) > concentration(purchases, shuffled) + gain


def test_some_products_are_popular(purchases):
    counts = purchases["product_id"].value_counts()
    assert counts.head(12).sum() / len(purchases) > 0.15


# Queries


@pytest.mark.parametrize("language", ["en", "zh"])
def test_queries_hold_what_they_promise(many, language):
    queries = attribute_queries(many, language=language, count=40, seed=1)
    assert len({query.text for query in queries}) == 40
    for query in queries:
        rows = np.all([many[name] == value for name, value in query.attributes.items()], axis=0)
        assert rows.sum() >= 10
    assert {tuple(query.attributes) for query in queries} == {
        ("kind", "colour", "pattern"), ("kind", "colour"), ("kind", "pattern"),
    }  # fmt: skip


def test_query_text_in_both_languages():
    table = pd.DataFrame([{"kind": "mug", "colour": "red", "pattern": "striped"}] * 3)
    asked = {
        language: {query.text for query in attribute_queries(table, language=language, count=3, at_least=3)}
        for language in ("en", "zh")
    }
    assert asked["en"] == {"red striped mug", "red mug", "striped mug"}
    assert asked["zh"] == {"红色条纹马克杯", "红色马克杯", "条纹马克杯"}


def test_too_few_combinations_are_an_error(catalog):
    with pytest.raises(DataError, match="only 0 combinations"):
        attribute_queries(catalog, language="en", at_least=1000)


def test_attribute_precision_by_hand():
    table = pd.DataFrame(
        {
            "product_id": ["a", "b", "c", "d"],
            "kind": ["mug", "mug", "plate", "hat"],
            "colour": ["red", "red", "red", "blue"],
            "pattern": ["striped", "plain", "striped", "plain"],
        }
    )
    queries = [
        AttributeQuery("red striped mug", {"kind": "mug", "colour": "red", "pattern": "striped"}),
        AttributeQuery("red mug", {"kind": "mug", "colour": "red"}),
    ]
    # First query: 3, 2 and 2 of 3 hold; 1 of 3 results has all. Second: 2, 1, 0, 2 of 2; 2 of 4 have all.
    precision = attribute_precision(queries, [["a", "b", "c"], ["a", "c", "d", "b"]], table)
    assert precision.each == pytest.approx((7 / 9 + 5 / 8) / 2)
    assert precision.all == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert attribute_precision(queries[:1], [[]], table) == (0, 0)


def test_attribute_precision_refuses_what_it_cannot_count(catalog):
    query = AttributeQuery("mug", {"kind": "mug"})
    with pytest.raises(DataError, match="1 queries, 0 lists"):
        attribute_precision([query], [], catalog)
    with pytest.raises(DataError, match="'P99999'"):
        attribute_precision([query], [["P99999"]], catalog)


def test_shop_can_be_written_twice_to_one_folder(tmp_path: Path):
    first = make_sample_shop(tmp_path, products=4, shoppers=2)
    before = first.catalog.read_bytes()
    assert make_sample_shop(tmp_path, products=4, shoppers=2).catalog.read_bytes() == before


def test_a_listing_is_the_same_in_every_process():
    # Strings hash differently in each process: a draw in the order of a set would differ.
    code = (
        "from product_matching.dataset.sample_shop.listing import draw_listing\n"
        "print([repr(draw_listing(0, number)) for number in range(60)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_photos_do_not_depend_on_who_draws_them(tmp_path):
    shop = make_sample_shop(tmp_path / "many", products=1000, shoppers=1)  # enough for several processes
    draw_share(tmp_path / "one", 0, range(990, 1000))
    for path in (tmp_path / "one").rglob("*.jpg"):
        assert (shop.catalog.parent / path.relative_to(tmp_path / "one")).read_bytes() == path.read_bytes()
    table = pd.read_csv(shop.catalog, keep_default_na=False)
    assert all((shop.catalog.parent / image).is_file() for image in table["image"] if image)
