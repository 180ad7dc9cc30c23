"""The vector of a product's words alone, kept in the index: what it adds to the rank, and that it stays in step."""

import json

import numpy as np
import pandas as pd
import pytest

from product_matching.errors import BundleError, DataError
from product_matching.metrics.reach import PICTURE, WORDS
from product_matching.search import LiveIndex, Part, ProductIndex, Query, parse_filter
from product_matching.search.answering import answer
from product_matching.search.question import Question

TABLE = pd.DataFrame({"product_id": ["a", "b", "c"], "title": ["red mug", "red cup", "蓝色杯子"]})
VECTORS = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
TEXTS = np.array([[0, 1], [0.6, 0.8], [1, 0]], np.float32)
QUERY = np.array([1, 0], np.float32)


def built(**made):
    index = ProductIndex.build(VECTORS, TABLE, backend="exact", text_vectors=TEXTS, **made)
    index.word_weight, index.text_weight = 0.5, 2.0
    return index


def orders(hits):
    return {hit.product_id: hit.order for hit in hits}


def test_it_adds_its_cosine_with_the_query_by_its_weight():
    hits = built().search_words("blue", QUERY, k=3)  # a word of no product: by hand, cosine + 2 · cosine of the text
    assert orders(hits) == pytest.approx({"a": 1 + 2 * 0, "b": 0.8 + 2 * 0.6, "c": 0 + 2 * 1}, abs=1e-6)
    assert [hit.product_id for hit in hits[:1]] == ["b"]
    halved = built().search_words("blue", QUERY, share=0.5, k=3)
    assert orders(halved) == pytest.approx({"a": 1, "b": 0.8 + 0.6, "c": 1}, abs=1e-6)


def test_a_result_adds_up_to_its_order():
    for hit in built().search_words("red mug", QUERY, k=3):
        made = hit.score - hit.reach + hit.word_weight * hit.words + hit.text_weight * hit.text
        assert hit.order == pytest.approx(made, abs=1e-6)
        assert (hit.word_weight, hit.text_weight) == (0.5, 2.0)


def test_without_words_it_adds_nothing():
    index = built()
    found = answer([Part(index)], Question(QUERY, sides=PICTURE, k=3)).hits
    assert orders(found) == pytest.approx({"a": 1, "b": 0.8, "c": 0}, abs=1e-6)
    assert {hit.text for hit in found} == {0}
    query = Query.of(QUERY, "red", "red", pictured=False, words=False)  # asked for the vector alone
    assert query.text == ""


def test_a_named_product_stands_first_whatever_texts_weigh():
    index = built()
    index.text_weight = 8.0
    assert index.search_words("c", np.array([-1, 0]), k=1)[0].product_id == "c"


def test_pages_filters_and_both_kinds_of_search_agree():
    generator = np.random.default_rng(0)
    vectors, texts = (generator.normal(size=(300, 8)) for _ in range(2))
    table = pd.DataFrame({"product_id": [f"p{row}" for row in range(300)], "size": np.arange(300) % 3})
    table["title"] = [f"mug {row % 7}" for row in range(300)]
    index = ProductIndex.build(vectors, table, backend="exact", text_vectors=texts)
    index.text_weight = 1.0
    parts = [Part(index, [parse_filter("size=1")])]
    whole = answer(parts, Question(vectors[0], "mug 3", sides=WORDS, k=100)).hits
    assert len(whole) == 100
    for size in (7, 30):
        pages = [
            answer(parts, Question(vectors[0], "mug 3", sides=WORDS, k=size, offset=at)) for at in range(0, 100, size)
        ]
        assert [hit for page in pages for hit in page.hits][:100] == whole


@pytest.mark.parametrize("weights", [(1.2, 0.0), (96.0, 8.0)])
def test_diversity_counts_as_much_whatever_words_weigh(weights):
    table = pd.DataFrame({"product_id": ["a", "b", "c"], "title": ["red mug", "red mug", "red mug blue dot"]})
    vectors = np.array([[1, 0], [1, 0], [0.8, 0.6]], np.float32)
    index = ProductIndex.build(vectors, table, backend="exact", text_vectors=vectors)
    index.word_weight, index.text_weight = weights
    found = answer([Part(index)], Question(QUERY, "red mug", sides=WORDS, diversity=0.6)).hits
    assert [hit.product_id for hit in found] == ["a", "c", "b"]
    found = answer([Part(index)], Question(QUERY, "red mug", sides=WORDS)).hits
    assert [hit.product_id for hit in found] == ["a", "b", "c"]


@pytest.mark.parametrize("kind", ["float32", "float16", "int8"])
def test_they_are_kept_in_the_type_of_the_vectors(tmp_path, kind):
    index = built(vector_type=kind)
    index.save(tmp_path / "index")
    meta = json.loads((tmp_path / "index" / "index.json").read_text())
    assert (meta["text_weight"], meta["text_vectors"]["type"]) == (2.0, kind)
    again = ProductIndex.load(tmp_path / "index")
    assert isinstance(again.text_vectors.stored.values.base, np.memmap)
    np.testing.assert_allclose(again.text_vectors.vectors, TEXTS, atol=0.01)
    assert again.search_words("red", QUERY, k=3) == index.search_words("red", QUERY, k=3)


def test_an_index_of_an_earlier_version_has_none(tmp_path):
    plain = ProductIndex.build(VECTORS, TABLE, backend="exact")
    plain.save(tmp_path / "index")
    assert not (tmp_path / "index" / "text_vectors").exists()
    assert "text_weight" not in json.loads((tmp_path / "index" / "index.json").read_text())
    again = ProductIndex.load(tmp_path / "index")
    assert (again.text_vectors, again.text_weight) == (None, 0.0)
    assert {hit.text for hit in again.search_words("red", QUERY, k=3)} == {0}


def test_files_that_do_not_fit_are_refused(tmp_path):
    built().save(tmp_path / "index")
    np.save(tmp_path / "index" / "text_vectors" / "vectors.npy", TEXTS[:2])
    with pytest.raises(BundleError, match="text_vectors are 2 of 2 numbers"):
        ProductIndex.load(tmp_path / "index")
    (tmp_path / "index" / "text_vectors" / "vectors.npy").unlink()
    with pytest.raises(BundleError, match="Build the index again"):
        ProductIndex.load(tmp_path / "index")
    with pytest.raises(DataError, match=r"text_vectors must have the shape \[3, 2\]"):
        ProductIndex.build(VECTORS, TABLE, text_vectors=TEXTS[:2])


def test_a_live_index_answers_as_one_built_anew(tmp_path):
    generator = np.random.default_rng(0)
    vectors, texts = (generator.normal(size=(60, 8)).astype(np.float32) for _ in range(2))
    table = pd.DataFrame({"product_id": [f"p{row}" for row in range(60)]})
    live = LiveIndex(weighted(ProductIndex.build(vectors[:40], table[:40], backend="exact", text_vectors=texts[:40])))
    assert live.keeps_text_vectors
    live.put([(f"p{row}", -vectors[row], {}, -texts[row]) for row in range(30, 45)])
    live.put([(f"p{row}", vectors[row], {}, texts[row]) for row in range(30, 60)])
    live.delete(["p5", "p50"])
    kept = np.setdiff1d(np.arange(60), [5, 50])
    anew = weighted(ProductIndex.build(vectors[kept], table.iloc[kept], backend="exact", text_vectors=texts[kept]))
    live.save(tmp_path / "index")
    for query in generator.normal(size=(3, 8)):
        expected = orders(anew.search_words("mug", query, k=58))
        for found in (
            live.search(query, text="mug", k=58),
            ProductIndex.load(tmp_path / "index").search_words("mug", query, k=58),
        ):
            assert orders(found) == pytest.approx(expected, abs=1e-5)
    live.rebuild()
    assert orders(live.search(query, text="mug", k=58)) == pytest.approx(expected, abs=1e-5)
    assert live.snapshot.base.text_weight == 1.5


def weighted(index):
    index.text_weight = 1.5
    return index


def test_a_product_without_its_own_is_refused_and_nothing_is_written():
    live = LiveIndex(built())
    with pytest.raises(DataError, match="'e' comes without the vector of its words alone"):
        live.put([("d", QUERY, {}, QUERY), ("e", QUERY, {})])
    assert "d" not in live
    plain = LiveIndex(ProductIndex.build(VECTORS, TABLE, backend="exact"))
    plain.put([("d", QUERY, {}, QUERY)])
    assert plain.snapshot.overlay.text_vectors is None
