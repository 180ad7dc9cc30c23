"""What a curator is shown, says, and takes home."""

import csv
import io

import pytest

from product_matching.dataset import load_pairs, pair_prefixes
from product_matching.deploy.service import add_key


@pytest.fixture(scope="module")
def curator(tiny_bundle, tmp_path_factory):
    """A service with a key, as (client, headers)."""
    from starlette.testclient import TestClient

    from product_matching.deploy.service import Settings, create_app

    state = tmp_path_factory.mktemp("curator")
    headers = {"X-API-Key": add_key(state, "curator", ["write"])}
    with TestClient(create_app(tiny_bundle, Settings(state)), base_url="http://localhost") as client:
        yield client, headers


def review(curator, kind, k=100):
    client, headers = curator
    answer = client.get("/v1/review", params={"kind": kind, "k": k}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_key_is_needed(curator):
    for path in ("/v1/review?kind=duplicate", "/v1/labels", "/v1/labels.csv"):
        assert curator[0].get(path).status_code == 401
    body = {"kind": "duplicate", "left_id": "a", "right_id": "b", "match": True}
    assert curator[0].put("/v1/labels", json=body).status_code == 401


def test_the_most_alike_come_first_and_are_those_of_all_pairs(curator, tiny_bundle, tiny_catalog):
    import numpy as np

    from product_matching.search import ProductIndex

    ids = tiny_catalog.table["product_id"].tolist()
    vectors = ProductIndex.load(tiny_bundle / "index").vectors_of(ids)
    cosines = np.triu(vectors @ vectors.T, 1)
    left, right = np.unravel_index(np.argmax(cosines), cosines.shape)
    shown = review(curator, "duplicate")
    best = shown["suggestions"][0]
    assert {best["left"]["product_id"], best["right"]["product_id"]} == {ids[left], ids[right]}
    chances = [pair["probability"] for pair in shown["suggestions"]]
    assert chances == sorted(chances, reverse=True)
    assert shown["waiting"] == 0
    two = [{"product_id": ids[row]} for row in (left, right)]
    pair = {"pairs": [{"left": two[0], "right": two[1]}]}
    told = curator[0].post("/v1/match", json=pair).json()["pairs"][0]["probability"]
    assert best["probability"] == pytest.approx(told, abs=1e-4)


def test_pictures_that_fit_their_words_least_come_first(curator):
    while (shown := review(curator, "mismatch"))["waiting"]:
        pass
    chances = [pair["probability"] for pair in shown["suggestions"]]
    assert len(chances) > 50
    assert chances == sorted(chances)
    one = shown["suggestions"][0]
    assert one["left"]["product_id"] == one["right"]["product_id"]
    picture = curator[0].get(one["left"]["image"])
    assert picture.status_code == 200


def test_what_was_said_is_kept_not_asked_again_and_exported(curator, tiny_catalog, tmp_path):
    client, headers = curator
    first, second = review(curator, "duplicate")["suggestions"][:2]
    bodies = [
        {
            "kind": "duplicate",
            "left_id": pair["right"]["product_id"],
            "right_id": pair["left"]["product_id"],
            "match": said,
        }
        for pair, said in ((first, True), (second, False))
    ]
    for body in bodies:
        assert client.put("/v1/labels", json=body, headers=headers).status_code == 200
    shown = review(curator, "duplicate")
    assert shown["labelled"] == 2
    assert first not in shown["suggestions"]
    answer = client.get("/v1/labels.csv", headers=headers)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["label"] for row in rows] == ["1", "0"]
    (tmp_path / "pairs.csv").write_text(answer.text, encoding="utf-8")
    table = load_pairs(tmp_path / "pairs.csv")
    assert table["label"].tolist() == [1, 0]
    assert pair_prefixes(table) == ("left_", "right_")
    titles = dict(zip(tiny_catalog.table["product_id"], tiny_catalog.table["title"], strict=True))
    assert all(row[f"{side}_title"] == titles[row[f"{side}_id"]] for row in rows for side in ("left", "right"))
    for body in bodies:
        assert client.put("/v1/labels", json=body | {"match": None}, headers=headers).status_code == 200
    assert client.get("/v1/labels", headers=headers).json() == {"labels": []}
    assert review(curator, "duplicate")["suggestions"][0] == first


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/review?kind=other", None),
        ("GET", "/v1/review?kind=duplicate&k=0", None),
        ("PUT", "/v1/labels", {"kind": "duplicate", "left_id": "a", "right_id": "a", "match": True}),
        ("PUT", "/v1/labels", {"kind": "mismatch", "left_id": "a", "right_id": "b", "match": True}),
        ("PUT", "/v1/labels", {"kind": "duplicate", "left_id": "a\x00", "right_id": "b", "match": True}),
    ],
)
def test_nonsense_is_refused(curator, method, path, body):
    answer = curator[0].request(method, path, json=body, headers=curator[1])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_cells_that_a_spreadsheet_would_run_are_defused(curator):
    client, headers = curator
    for name in ("m1", "m2"):
        client.put(f"/v1/products/{name}", json={"title": "=HYPERLINK(1)"}, headers=headers)
    body = {"kind": "duplicate", "left_id": "m1", "right_id": "m2", "match": True}
    client.put("/v1/labels", json=body, headers=headers)
    (row,) = csv.DictReader(io.StringIO(client.get("/v1/labels.csv", headers=headers).text))
    assert row["left_title"] == "'=HYPERLINK(1)"
    for name in ("m1", "m2"):
        client.delete(f"/v1/products/{name}", headers=headers)
    assert len(client.get("/v1/labels.csv", headers=headers).text.splitlines()) == 1
