import math

import numpy as np
import pandas as pd
import pytest

from product_matching.errors import BundleError
from product_matching.search import ProductIndex, parse_filter
from product_matching.search.words import HAN_DISCOUNT, WordIndex, codes_of, words_of

TITLES = [
    "Red striped mug MX-204",
    "Blue mugs, set of 2",
    "红色马克杯 条纹",
    "Striped red dress by Northridge",
    "A chair",
    "",
]


def table(titles=TITLES, **more):
    ids = [f"SKU-{100 + number}" for number in range(len(titles))]
    return pd.DataFrame({"product_id": ids, "title": titles, **more})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red MUGS", ["red", "mug"]),
        ("the mug with the handle", ["mug", "handl"]),
        ("红色马克杯", ["红色", "色马", "马克", "克杯"]),
        ("Ｒｅｄ 杯", ["red", "杯"]),
        ("mx-204", ["mx204", "mx", "204"]),
        ("pre-washed", ["pre", "wash"]),
        ("!!! ... <b>", ["b"]),
        ("", []),
    ],
)
def test_words(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Kettle MX-204, 2 l", {"mx204"}),
        ("EAN 4006381333931", {"4006381333931"}),
        ("size 38 xl 4k", set()),
        ("AB/12.c", {"ab12c"}),
        ("2024 new", set()),
    ],
)
def test_codes(text, codes):
    assert codes_of(text) == codes


def test_scores_are_bm25s_share_whole_queries_and_names_together():
    index = WordIndex.build(table(["mug mug", "mug cup", "plate"])[["product_id", "title"]])
    k1, b, count = 1.5, 0.75, 3
    # A title counts three times, an id once, in three words: sku100, sku, 100.
    lengths = np.array([9, 9, 6])
    idf = {word: math.log(1 + (count - n + 0.5) / (n + 0.5)) for word, n in {"mug": 2, "cup": 1}.items()}

    def part(word, frequency, row):
        return idf[word] * frequency / (frequency + k1 * (1 - b + b * lengths[row] / lengths.mean()))

    highest = idf["mug"] + idf["cup"]
    expected = np.array([part("mug", 6, 0), part("mug", 3, 1) + part("cup", 3, 1), 0])
    # The second has all words, and nothing else in its title.
    np.testing.assert_allclose(index.scores("mug cup"), (expected / highest + [0, 2, 0]) / 3, rtol=1e-5)
    # Both have this one, which is the whole of one title and half of the other.
    alone = np.array([part("mug", 6, 0), part("mug", 3, 1), 0]) / idf["mug"]
    np.testing.assert_allclose(index.scores("mug"), (alone + np.array([2, 1.25, 0])) / 3, rtol=1e-5)
    np.testing.assert_allclose(index.scores("mug mug"), index.scores("mug"), rtol=1e-5)
    assert not index.scores("unheard of").any()
    assert index.scores("mug 马克")[0] == pytest.approx(index.scores("mug unheard")[0] * (1 - HAN_DISCOUNT / 2))
    # A word that no product has lowers what the others are worth.
    assert 0 < index.scores("mug unheard")[0] < index.scores("mug")[0] < 1


def test_a_row_with_all_words_comes_before_one_that_repeats_some_and_a_name_before_longer_ones():
    titles = ["red red red", "mug with handle", "tall mug, red and blue, of glass", "Red mug", "plate"]
    scores = WordIndex.build(table(titles, description=["red", "red, of glass", "", "", ""])).scores("red mug")
    assert np.argsort(-scores).tolist() == [3, 2, 1, 0, 4]
    # All words, but not all of them in the title.
    assert 1 / 3 < scores[1] < 2 / 3


def test_words_of_an_earlier_version_are_made_anew_and_weigh_as_much(shop, tmp_path):
    """New products beside an old index are ranked with it: both must count words alike."""
    shop.word_weight = 0.5  # of BM25's share alone, a third of what agreement is now
    shop.save(tmp_path / "index")
    titles = tmp_path / "index" / "words" / "titles.npy"
    np.save(titles, np.ones(3, bool))
    with pytest.raises(BundleError, match="Build the index again"):
        ProductIndex.load(tmp_path / "index")
    titles.unlink()
    old = ProductIndex.load(tmp_path / "index")
    assert old.word_weight == pytest.approx(1.5)
    np.testing.assert_array_equal(old.words.scores("red mug"), shop.words.scores("red mug"))


def test_building_one_logs_nothing(caplog):
    with caplog.at_level("DEBUG"):
        WordIndex.build(table())
    assert not caplog.records


def test_titles_weigh_more_than_descriptions_and_pictures_and_prices_nothing():
    rows = table(
        ["lamp", "chair", "x"], description=["chair", "lamp", ""], image=["lamp.jpg"] * 3, price=[1.0, 2.0, 3.0]
    )
    scores = WordIndex.build(rows).scores("lamp")
    assert scores[0] > scores[1] > 0
    assert scores[2] == 0


@pytest.fixture
def shop():
    vectors = np.eye(8, dtype="float32")[:6]
    return ProductIndex.build(vectors, table(colour=["red", "blue", "red", "red", "", ""]), backend="exact")


def ids(hits):
    return [hit.product_id for hit in hits]


def test_vector_and_words_are_joined(shop):
    query = np.eye(8, dtype="float32")[4]  # its vector is that of the chair
    hits = shop.search_words("striped dress", query, k=6)
    assert ids(hits)[:2] == ["SKU-104", "SKU-103"]
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5, 6]
    assert hits[0].score == pytest.approx(1)
    assert hits[0].words == 0
    assert hits[1].score == 0
    assert hits[1].words == pytest.approx(shop.words.scores("striped dress")[3])
    assert [hit.order for hit in hits] == sorted((hit.order for hit in hits), reverse=True)


@pytest.mark.parametrize("text", ["mx-204", "mug MX204 please", "MX 204 mx_204", "SKU-100", "sku100"])
def test_a_named_product_comes_first(shop, text):
    query = -np.eye(8, dtype="float32")[0]  # as unlike it as can be
    first = shop.search_words(text, query, k=3)[0]
    assert (first.product_id, first.code) == ("SKU-100", 1)


def test_filters_and_exclusions_hold_for_words_and_codes_too(shop):
    query = np.eye(8, dtype="float32")[7]
    hits = shop.search_words("mug mx-204", query, k=6, filters=[parse_filter("colour=red")], exclude_ids=["SKU-100"])
    assert set(ids(hits)) == {"SKU-102", "SKU-103"}
    assert ids(shop.search_words("mug", query, k=6, filters=[parse_filter("colour=blue")])) == ["SKU-101"]


@pytest.mark.parametrize("text", ["", "   ", "!!!", "的"])
def test_without_words_the_vector_decides(shop, text):
    query = np.arange(8, dtype="float32")
    assert ids(shop.search_words(text, query, k=4)) == ids(shop.search(query, k=4)[0])


def test_saved_and_read_again(shop, tmp_path):
    shop.save(tmp_path / "index")
    again = ProductIndex.load(tmp_path / "index")
    query = np.full(8, 0.1, "float32")
    for text in ("striped mug", "红色", "sku-103", "nothing known"):
        assert again.search_words(text, query, k=6) == shop.search_words(text, query, k=6)


def test_an_index_without_words_makes_them_and_a_damaged_one_is_refused(shop, tmp_path):
    shop.save(tmp_path / "index")
    (tmp_path / "index" / "words" / "codes.json").write_text("{", encoding="utf-8")
    with pytest.raises(BundleError, match="Build the index again"):
        ProductIndex.load(tmp_path / "index")
    for path in (tmp_path / "index" / "words").iterdir():
        path.unlink()
    (tmp_path / "index" / "words").rmdir()
    hits = ProductIndex.load(tmp_path / "index").search_words("dress", np.zeros(8, "float32"), k=1)
    assert ids(hits) == ["SKU-103"]
