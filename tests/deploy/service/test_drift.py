"""Operators see when what is asked is no longer what the index was built for."""

import json
import math
import shutil

import numpy as np
import pytest
from starlette.testclient import TestClient

from product_matching.bundle import load_bundle
from product_matching.deploy.service import Settings, create_app
from product_matching.search.calibrating import sensible_queries

pytestmark = pytest.mark.slow


def drift(client):
    lines = [
        line for line in client.get("/metrics").text.splitlines() if line.startswith("product_matching_drift_psi{")
    ]
    return {tuple(line.split('"')[1::2]): float(line.rsplit(" ", 1)[1]) for line in lines}


def ask(client, texts, **more):
    for text in texts:
        assert client.post("/v1/search", json={"text": text, "spelling": False, **more}).status_code == 200


def test_sensible_queries_are_calm_and_many_of_one_kind_are_not(fresh, tiny_bundle, tiny_catalog):
    bundle = load_bundle(tiny_bundle)
    usual = sensible_queries(bundle, tiny_catalog, seed=9)["text"].texts
    with fresh() as client:
        ask(client, usual[:199])
        ask(client, usual[:1], offset=10)  # the next page is no other query
        assert all(map(math.isnan, drift(client).values()))
        ask(client, usual[199:280])
        calm = drift(client)
        assert calm["text", "embedding"] < 0.2
        assert calm["text", "score"] < 0.2
        assert math.isnan(calm["image", "embedding"])
        ask(client, [usual[0]] * 300)  # also from the cache
        raised = drift(client)
        assert min(raised["text", "embedding"], raised["text", "score"]) > 0.25


def test_filters_say_nothing_of_scores(fresh, tiny_catalog):
    colour = tiny_catalog.table["colour"].iloc[0]
    with fresh() as client:
        ask(client, ["red mug"] * 201, filters=[f"colour={colour}"])
        found = drift(client)
        assert math.isnan(found["text", "score"])
        assert found["text", "embedding"] > 0.25


def test_an_older_index_is_served_without(tiny_bundle, tmp_path):
    folder = tmp_path / "old" / "1"
    shutil.copytree(tiny_bundle, folder)
    meta = json.loads((folder / "index/index.json").read_text())
    del meta["drift"]
    (folder / "index/index.json").write_text(json.dumps(meta))
    with TestClient(create_app(folder, Settings(tmp_path / "state")), base_url="http://localhost") as client:
        ask(client, ["mug"] * 201)
        assert np.isnan(list(drift(client).values())).all()
