import dataclasses
import json
import logging
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from product_matching.errors import BundleError, ConfigError, DataError
from product_matching.metrics.reach import WORDS, Bank
from product_matching.search import ExactIndex, Hit, LiveIndex, ProductIndex, ScannIndex, parse_filter, scann_available


def ids(hits):
    return [hit.product_id for hit in hits]


@pytest.fixture
def small(vectors, shop_table):
    return ProductIndex.build(vectors[:50], shop_table(50))


def test_hits_are_whole(shop, vectors):
    (hits,) = shop.search(vectors[4], k=3)
    assert hits[0] == Hit("p4", pytest.approx(1.0, abs=1e-5), 1, {"title": "鞋 4", "colour": "blue", "price": 4.0})
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert json.dumps([dataclasses.asdict(hit) for hit in hits])
    with pytest.raises(dataclasses.FrozenInstanceError):
        hits[0].score = 2


def test_what_is_missing_is_none(shop, vectors):
    (hits,) = shop.search(vectors[14], k=1)
    assert hits[0].attributes == {"title": "鞋 14", "colour": None, "price": None}


def test_batch_is_one_at_a_time(shop, queries):
    batch = shop.search(queries[:50], k=7)
    same = [ids(hits) == ids(shop.search(query, k=7)[0]) for hits, query in zip(batch, queries[:50], strict=True)]
    # All but the few that ScaNN rounds differently in a batch.
    assert sum(same) >= (48 if isinstance(shop.backend, ScannIndex) else 50)


def test_agrees_with_exact_search(small, vectors, queries):
    positions, _ = ExactIndex.build(vectors[:50]).search(queries, k=5)
    assert [ids(hits) for hits in small.search(queries, k=5)] == [[f"p{n}" for n in row] for row in positions]


def test_filtered_results_are_all_there_are(shop, vectors, queries):
    # Three products of three thousand, whatever the query is near to.
    for query in queries[:5]:
        (hits,) = shop.search(query, k=3, filters=[parse_filter("price=2901..2903")])
        assert sorted(ids(hits)) == ["p2901", "p2902", "p2903"]
        expected = sorted(range(2901, 2904), key=lambda item: -float(vectors[item] @ query))
        assert ids(hits) == [f"p{item}" for item in expected]
    assert shop.search(queries[0], filters=[parse_filter("price<0")]) == [[]]


def test_filters_and_exclusions_together(shop, queries):
    conditions = [parse_filter("colour=red"), parse_filter("price<100")]
    (hits,) = shop.search(queries[0], k=5, filters=conditions)
    (fewer,) = shop.search(queries[0], k=5, filters=conditions, exclude_ids=ids(hits)[:2])
    assert ids(fewer)[:3] == ids(hits)[2:]
    assert len(fewer) == 5
    assert [hit.rank for hit in fewer] == [1, 2, 3, 4, 5]
    assert {hit.attributes["colour"] for hit in fewer} == {"Red"}


def test_excluded_products_leave_k_results(shop, queries):
    (hits,) = shop.search(queries[0], k=6)
    (fewer,) = shop.search(queries[0], k=4, exclude_ids=[*ids(hits)[:2], "sold out long ago"])
    assert ids(fewer) == ids(hits)[2:]


def test_k_above_the_size(small, queries):
    (hits,) = small.search(queries[0], k=80)
    assert len(hits) == 50
    assert small.search(queries[0], k=80, exclude_ids=small.product_ids) == [[]]


def test_vectors_of(shop, vectors):
    assert np.array_equal(shop.vectors_of(["p7", "p3", "p7"]), vectors[[7, 3, 7]])
    assert shop.vectors_of([]).shape == (0, 32)
    with pytest.raises(DataError, match=r"Not in the index: 'x0', 'x1', 'x2', 'x3', 'x4' and 2 more\."):
        shop.vectors_of(["p1", *(f"x{number}" for number in range(7))])


def test_save_load_and_move(shop, queries, tmp_path):
    shop.save(tmp_path / "index")
    moved = (tmp_path / "index").rename(tmp_path / "elsewhere")
    loaded = ProductIndex.load(moved)
    assert loaded.backend_name == shop.backend_name
    assert loaded.backend.info == shop.backend.info
    assert loaded.search(queries[:20]) == shop.search(queries[:20])
    names = {path.name for path in moved.iterdir()}
    assert names - {"scann"} == {"vectors.npy", "products.parquet", "index.json", "words"}
    assert ("scann" in names) == (shop.backend_name == "scann")


@pytest.mark.skipif(not scann_available(), reason="scann is not installed")
def test_it_is_tuned_to_what_is_asked_and_stays_so(vectors, shop_table, tmp_path):
    # Queries of another modality lie far from the products, between their leaves.
    asked = np.random.default_rng(0).normal(size=(100, 32)).astype(np.float32)
    table = shop_table(len(vectors))
    plain = ProductIndex.build(vectors, table, backend="scann")
    banks = {"text": Bank.of(asked, [f"p{row}" for row in range(len(asked))])}
    ProductIndex.build(vectors, table, backend="scann", queries=banks).save(tmp_path / "index")
    tuned = ProductIndex.load(tmp_path / "index")
    live = LiveIndex(tuned)
    live.delete(["p1"])
    live.rebuild()
    for index in (tuned, live.snapshot.base):
        truth, found = index.exact.search(asked, 10, less=index.reach[0])[0], index.nearest(asked, 10, WORDS)[0]
        assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(truth, found, strict=True)]) > 0.95
        assert index.backend.info["leaves_to_search"] > plain.backend.info["leaves_to_search"]
    np.save(tmp_path / "index" / "queries-text.npy", asked[:, :3])
    with pytest.raises(BundleError, match="100 queries of shape"):
        ProductIndex.load(tmp_path / "index")


def test_saving_over_itself_while_mapped(small, queries, tmp_path):
    small.save(tmp_path / "index")
    loaded = ProductIndex.load(tmp_path / "index")
    loaded.save(tmp_path / "index")
    expected = small.search(queries)
    assert loaded.search(queries) == ProductIndex.load(tmp_path / "index").search(queries) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_an_interrupted_save_leaves_the_old_index(small, queries, tmp_path, monkeypatch):
    small.save(tmp_path / "index")
    monkeypatch.setattr(pd.DataFrame, "to_parquet", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        small.save(tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert ProductIndex.load(tmp_path / "index").search(queries) == small.search(queries)


@pytest.mark.skipif(not scann_available(), reason="scann is not installed")
def test_without_scann_the_search_is_exact(vectors, queries, tmp_path, monkeypatch, caplog, shop_table):
    ProductIndex.build(vectors[:1000], shop_table(1000), backend="scann").save(tmp_path / "index")
    monkeypatch.setitem(sys.modules, "scann.scann_ops.py", None)
    with caplog.at_level(logging.WARNING):
        loaded = ProductIndex.load(tmp_path / "index")
    assert "Searching exactly instead" in caplog.text
    assert loaded.backend_name == "exact"
    expected = ProductIndex.build(vectors[:1000], shop_table(1000), backend="exact").search(queries)
    assert loaded.search(queries) == expected


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("index.json", None, r"There is no index in .* \(index.json is missing\)"),
        ("index.json", "{", "cannot be read"),
        ("index.json", "[]", "cannot be read"),
        ("index.json", '{"format": 2}', "has format 2; this version reads up to 1"),
        ("index.json", '{"format": 1}', "is damaged"),
        ("index.json", '{"format": 1, "backend": "x", "size": 50, "dim": 32}', "is damaged"),
        ("index.json", '{"format": 1, "backend": "exact", "size": 9, "dim": 32}', "do not belong together"),
        ("products.parquet", None, "products.parquet cannot be read"),
        ("products.parquet", "PAR1", "products.parquet cannot be read"),
        ("vectors.npy", None, "vectors.npy cannot be read"),
        ("vectors.npy", "x", "vectors.npy cannot be read"),
    ],
)
def test_damaged_files_are_named(small, tmp_path, file, content, message):
    small.save(tmp_path)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content)
    with pytest.raises(BundleError, match=message) as caught:
        ProductIndex.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_load_of_no_folder(tmp_path):
    with pytest.raises(BundleError, match="There is no index in"):
        ProductIndex.load(tmp_path / "nothing")


def test_products_of_another_index(small, vectors, tmp_path, shop_table):
    small.save(tmp_path / "one")
    ProductIndex.build(vectors[:9], shop_table(9)).save(tmp_path / "two")
    shutil.copy(tmp_path / "two" / "products.parquet", tmp_path / "one")
    with pytest.raises(BundleError, match="do not belong together: 50 vectors of 32, 9 products"):
        ProductIndex.load(tmp_path / "one")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"id": ["a", "b"]}), r"no column 'product_id'; it has \['id'\]"),
        (pd.DataFrame({"product_id": ["a", None]}), "Row 1 of the products has no product_id"),
        (pd.DataFrame({"product_id": ["a", "a"]}), "must be unique; 'a' stands twice"),
        (pd.DataFrame({"product_id": ["a"]}), "There are 2 vectors for 1 products"),
    ],
)
def test_unusable_tables(table, message):
    with pytest.raises(DataError, match=message):
        ProductIndex.build(np.eye(2), table)


def test_unusable_arguments(small, shop_table):
    with pytest.raises(DataError, match="no product to index"):
        ProductIndex.build(np.empty((0, 2)), pd.DataFrame({"product_id": []}))
    with pytest.raises(ConfigError, match="Unknown index backend"):
        ProductIndex.build(np.eye(2), shop_table(2), backend="fast")
    with pytest.raises(DataError, match=r"query must have the shape \[N, 32\], not \[1, 3\]"):
        small.search([1, 2, 3])
    with pytest.raises(DataError, match="query must be numbers"):
        small.search([[1], [2, 3]])
    with pytest.raises(ConfigError, match="k must be 1 or more"):
        small.search(np.zeros(32), k=0)
    with pytest.raises(DataError, match="Unknown attribute 'product_id'"):
        small.search(np.zeros(32), filters=[parse_filter("product_id=p1")])


def test_columns_that_parquet_cannot_hold(vectors, tmp_path):
    table = pd.DataFrame({"product_id": ["a", "b"], "size": pd.Series([1, "XL"], dtype=object)})
    with pytest.raises(DataError, match="cannot be saved"):
        ProductIndex.build(vectors[:2], table).save(tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


def test_number_ids_become_text_and_rows_keep_their_order(vectors):
    table = pd.DataFrame({"product_id": [30, 20]}, index=[5, 1])
    index = ProductIndex.build(vectors[:2], table)
    assert index.product_ids == ["30", "20"]
    assert index.search(vectors[1], k=1)[0][0].product_id == "20"
    assert table["product_id"].tolist() == [30, 20]
