import base64
import shutil
import sqlite3
import time

import numpy as np
import pytest
from starlette.testclient import TestClient

from product_matching.bundle import load_bundle
from product_matching.deploy.service import Settings, add_key, create_app
from product_matching.errors import ConfigError
from product_matching.search import ExactIndex, ProductIndex
from product_matching.search.indexing import embed_texts, rows_to_embed, words_in_one

pytestmark = pytest.mark.slow

MUG = {"title": "zebra striped mug 斑马", "tags": ["kitchen"], "attributes": {"price": 3.5, "glaze": "matt"}}


def first(client, **body):
    found = client.post("/v1/search", json={"k": 1, **body}).json()["results"]
    return found[0]["product_id"] if found else None


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"X-API-Key": ""}, {"Authorization": "é"}])
def test_writes_need_a_key(client, headers):
    headers = {name: value.encode() for name, value in headers.items()}
    for answer in (
        client.put("/v1/products/a", json=MUG, headers=headers),
        client.delete("/v1/products/a", headers=headers),
        client.post("/v1/interactions", json={"interactions": []}, headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_has_its_scope_only_and_is_kept_as_a_hash(fresh, tmp_path):
    search, admin = add_key(tmp_path, "s", ["search"]), add_key(tmp_path, "a", ["admin"])
    assert search not in (tmp_path / "keys.json").read_text()
    with pytest.raises(ConfigError, match="already"):
        add_key(tmp_path, "s", ["write"])
    with fresh(search_needs_key=True) as client:
        assert client.post("/v1/search", json={"text": "a"}).status_code == 401
        assert client.post("/v1/search", json={"text": "a"}, headers={"X-API-Key": search}).status_code == 200
        assert client.put("/v1/products/a", json=MUG, headers={"X-API-Key": search}).status_code == 401
        assert client.put("/v1/products/a", json=MUG, headers={"X-API-Key": admin}).status_code == 200


def test_a_product_is_found_at_once_and_gone_at_once(client, key, picture):
    body = MUG | {"image": base64.b64encode(picture).decode()}
    before = client.get("/readyz").json()["products"]
    assert client.put("/v1/products/zebra", json=body, headers=key).json()["changed"] is True
    assert client.put("/v1/products/zebra", json=body, headers=key).json()["changed"] is False
    assert client.get("/readyz").json()["products"] == before + 1
    assert first(client, text="mug", filters=["glaze=matt"]) == "zebra"
    assert first(client, text="mug", filters=["price=3.5", "glaze=matt"]) == "zebra"
    assert client.get("/v1/products/zebra/image").content[:3] == b"\xff\xd8\xff"
    for _ in range(2):
        assert client.delete("/v1/products/zebra", headers=key).status_code == 204
    assert client.get("/readyz").json()["products"] == before
    assert client.get("/v1/products/zebra/image").status_code == 404


def test_writes_survive_a_restart(fresh, tmp_path, tiny_catalog):
    headers = {"X-API-Key": add_key(tmp_path, "w", ["write"])}
    replaced, removed = tiny_catalog.table["product_id"].iloc[:2]
    with fresh() as client:
        client.put("/v1/products/zebra", json=MUG, headers=headers)
        client.put(f"/v1/products/{replaced}", json=MUG | {"title": "another"}, headers=headers)
        client.delete(f"/v1/products/{removed}", headers=headers)
        expected = client.post("/v1/search", json={"text": "mug", "k": 100}).json()
    with fresh() as client:
        assert client.get("/readyz").json()["products"] == len(tiny_catalog.table)
        assert client.post("/v1/search", json={"text": "mug", "k": 100}).json() == expected
        ids = [hit["product_id"] for hit in expected["results"]]
        assert len(set(ids)) == len(ids)
        assert removed not in ids
        titles = client.post("/v1/search", json={"text": "a", "filters": ["glaze=matt"], "k": 9}).json()["results"]
        assert {hit["product_id"]: hit["title"] for hit in titles} == {"zebra": MUG["title"], replaced: "another"}


def test_what_another_model_embedded_is_embedded_anew(fresh, tmp_path):
    headers = {"X-API-Key": add_key(tmp_path, "w", ["write"])}
    with fresh() as client:
        client.put("/v1/products/zebra", json=MUG, headers=headers)
        expected = client.post("/v1/search", json={"text": "mug", "filters": ["glaze=matt"]}).json()
    with sqlite3.connect(tmp_path / "service.sqlite") as database:
        database.execute("update products set model = 'older', vector = ?", (np.ones(64, "<f4").tobytes(),))
    database.close()
    with fresh() as client:
        found = client.post("/v1/search", json={"text": "mug", "filters": ["glaze=matt"]}).json()
    assert found["results"][0]["score"] == pytest.approx(expected["results"][0]["score"], rel=1e-4)


def test_an_event_counts_once(client, key):
    event = {"user_id": "U1", "product_id": "P1", "timestamp": time.time()}
    body = {"interactions": [event, event, event | {"user_id": "U2"}, event | {"event_id": "e1"}]}
    assert client.post("/v1/interactions", json=body, headers=key).json() == {"accepted": 3, "duplicates": 1}
    assert client.post("/v1/interactions", json=body, headers=key).json() == {"accepted": 0, "duplicates": 4}


def test_the_vector_of_the_words_alone_is_kept_in_step(tiny_bundle, tiny_catalog, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "tiny" / "1")
    bundle, index = load_bundle(folder), ProductIndex.load(folder / "index")
    texts = embed_texts(bundle.encoders, rows_to_embed(tiny_catalog))
    index.text_vectors, index.text_weight = ExactIndex(texts), 2.0
    index.save(folder / "index")
    headers = {"X-API-Key": add_key(tmp_path, "w", ["write"])}
    asked = {"text": "mug", "filters": ["glaze=matt"]}
    own, query = bundle.encoders.embed_text([words_in_one(MUG["title"], "", "|".join(MUG.get("tags", []))), "mug"])

    def text_part():
        with TestClient(create_app(folder, Settings(tmp_path)), base_url="http://localhost") as client:
            if not client.post("/v1/search", json=asked).json().get("results"):
                client.put("/v1/products/zebra", json=MUG, headers=headers)
            return client.post("/v1/search", json=asked).json()["results"][0]["parts"]["text"]

    assert text_part() == pytest.approx(float(own @ query), abs=1e-5)
    with sqlite3.connect(tmp_path / "service.sqlite") as database:  # as earlier versions wrote it
        size = index.dim * 4
        database.execute("update products set vector = substr(vector, 1, ?)", (size,))
    database.close()
    assert text_part() == pytest.approx(float(own @ query), abs=1e-5)
