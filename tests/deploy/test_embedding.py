"""Embedding in shards: what one process embeds, whoever does it and however often he was interrupted."""

import json
import shutil

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from product_matching.bundle import load_bundle
from product_matching.cli import main
from product_matching.dataset import load_data
from product_matching.deploy.embedding import Shards, embed_by_beam, embed_by_workers, workers
from product_matching.errors import ConfigError, DataError, MissingExtraError
from product_matching.search.indexing import embed_products, embed_texts, rows_to_embed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle(tiny_bundle):
    return load_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def expected(bundle, tiny_catalog):
    return embed_products(bundle, tiny_catalog)


def embedded(bundle, catalog, folder, **options):
    shards = Shards.prepare(bundle, catalog, folder, shard_size=50)
    embed_by_workers(shards, **options)
    return shards


@pytest.mark.parametrize("count", [1, 2])
def test_workers_embed_what_one_process_embeds(bundle, tiny_catalog, expected, tmp_path, count):
    seen = []
    shards = embedded(bundle, tiny_catalog, tmp_path / "shards", workers=count, progress=seen.append)
    assert (shards.count, shards.pending()) == (4, [])
    np.testing.assert_allclose(shards.vectors(bundle, tiny_catalog)[0], expected, atol=1e-5)
    assert seen[0] == 0
    assert seen == sorted(seen)


def test_the_folder_is_one_table_for_who_reads_parquet(bundle, tiny_catalog, expected, tmp_path):
    embedded(bundle, tiny_catalog, tmp_path)
    table = ds.dataset(tmp_path, format="parquet").to_table()
    assert table["product_id"].to_pylist() == tiny_catalog.table["product_id"].tolist()
    np.testing.assert_allclose(table["embedding"].to_pylist(), expected, atol=1e-5)


def test_they_hold_the_vectors_of_the_words_alone(bundle, tiny_catalog, tmp_path):
    shards = embedded(bundle, tiny_catalog, tmp_path)
    own = shards.vectors(bundle, tiny_catalog)[1]
    np.testing.assert_allclose(own, embed_texts(bundle.encoders, rows_to_embed(tiny_catalog)), atol=1e-5)
    row = tiny_catalog.table.iloc[60]
    text = f"{row['title']}. {row['tags'].replace('|', ', ')}. {row['description']}"
    np.testing.assert_allclose(own[60], bundle.encoders.embed_text([text])[0], atol=1e-5)
    earlier = pq.read_table(shards.path(1)).drop_columns("text_embedding")
    pq.write_table(earlier, shards.path(1))
    assert shards.vectors(bundle, tiny_catalog)[1] is None


def test_what_is_done_is_not_done_again(bundle, tiny_catalog, tmp_path, monkeypatch):
    shards = embedded(bundle, tiny_catalog, tmp_path)
    before = {number: shards.path(number).stat().st_mtime_ns for number in range(4)}
    shards.path(2).unlink()
    with pytest.raises(DataError, match="1 of 4 shards are missing"):
        shards.vectors(bundle, tiny_catalog)
    assert shards.products_done() == len(tiny_catalog) - 50
    opened = []
    monkeypatch.setattr(workers, "Encoders", lambda folder: opened.append(folder) or bundle.encoders)
    again = embedded(bundle, tiny_catalog, tmp_path)
    after = {number: shards.path(number).stat().st_mtime_ns for number in range(4)}
    assert [number for number in range(4) if before[number] != after[number]] == [2]
    assert again.products_done() == len(tiny_catalog)
    embedded(bundle, tiny_catalog, tmp_path)
    assert len(opened) == 1


def test_shards_of_other_products_are_refused(bundle, tiny_shop, tiny_catalog, tmp_path):
    shards = embedded(bundle, tiny_catalog, tmp_path)
    table = tiny_catalog.table.copy()
    fewer = load_data(tiny_shop.catalog, limit=100)
    with pytest.raises(DataError, match=f"holds {len(table)} products in shards of 50"):
        Shards.prepare(bundle, fewer, tmp_path, shard_size=50)
    with pytest.raises(DataError, match="another --shard-size"):
        Shards.prepare(bundle, tiny_catalog, tmp_path, shard_size=60)
    with pytest.raises(DataError, match="another model, other products"):
        shards.vectors(bundle, fewer)
    with pytest.raises(ConfigError, match="--workers takes a number of processes from 1; got 0"):
        embed_by_workers(shards, workers=0)
    (tmp_path / "_shards.json").write_text("{}")
    with pytest.raises(DataError, match="cannot be read"):
        Shards.open(tmp_path)


def test_a_picture_that_goes_bad_is_the_users_mistake(bundle, tiny_shop, tmp_path):
    copy = shutil.copytree(tiny_shop.catalog.parent, tmp_path / "shop")
    catalog = load_data(copy / "catalog.csv")
    shards = Shards.prepare(bundle, catalog, tmp_path / "shards", shard_size=40)
    next(copy.rglob("00001.jpg")).write_bytes(b"no picture")
    with pytest.raises(DataError, match="cannot be decoded"):
        embed_by_workers(shards)


@pytest.mark.parametrize(("status", "error"), [(2, DataError), (1, RuntimeError)])
def test_what_a_worker_says_before_it_ends_is_told(bundle, tiny_catalog, tmp_path, monkeypatch, status, error):
    said = f"import sys; print('the picture is gone', file=sys.stderr); sys.exit({status})"
    monkeypatch.setattr(workers, "_CHILD", said)
    with pytest.raises(error, match="the picture is gone"):
        embed_by_workers(Shards.prepare(bundle, tiny_catalog, tmp_path, shard_size=50), workers=2)


def test_beam_embeds_what_one_process_embeds(bundle, tiny_catalog, expected, tmp_path):
    pytest.importorskip("apache_beam")
    shards = Shards.prepare(bundle, tiny_catalog, tmp_path, shard_size=50)
    shards.embed(1, bundle.encoders)
    before = shards.path(1).stat().st_mtime_ns
    embed_by_beam(shards, ["--runner=DirectRunner"])
    np.testing.assert_allclose(shards.vectors(bundle, tiny_catalog)[0], expected, atol=1e-5)
    assert shards.path(1).stat().st_mtime_ns == before


def test_a_missing_beam_is_named(bundle, tiny_catalog, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "apache_beam", None)
    with pytest.raises(MissingExtraError, match=r"product-matching\[beam\]"):
        embed_by_beam(Shards.prepare(bundle, tiny_catalog, tmp_path))


def test_the_commands_go_together(tiny_bundle, tiny_shop, expected, tmp_path, capsys):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    asked = [
        "embed",
        str(bundle),
        str(tiny_shop.catalog),
        "--out",
        str(tmp_path / "out"),
        "--shard-size",
        "64",
        "--json",
    ]
    for skipped in (0, 3):
        assert main([*asked, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert (result["shards"], result["skipped"], result["products"]) == (3, skipped, len(expected))
    shutil.rmtree(bundle / "index")
    assert main(["index", str(bundle), str(tiny_shop.catalog), "--embeddings", str(tmp_path / "out")]) == 0
    np.testing.assert_allclose(np.load(bundle / "index" / "vectors.npy"), expected, atol=1e-5)
