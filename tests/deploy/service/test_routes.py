import base64
import json

import numpy as np
import pytest

from product_matching.search import SearchEngine


@pytest.fixture(scope="module")
def engine(tiny_bundle):
    """The library itself, without the service."""
    return SearchEngine.load(tiny_bundle)


def same(found, expected):
    assert [hit["product_id"] for hit in found] == [hit.product_id for hit in expected]
    np.testing.assert_allclose([hit["score"] for hit in found], [hit.score for hit in expected], rtol=1e-4)
    np.testing.assert_allclose([h["probability"] for h in found], [h.probability for h in expected], rtol=1e-3)


@pytest.mark.parametrize("text", ["red striped mug", "红色马克杯", "' OR 1=1; --", "a\u0000b", "<script>"])
def test_search_by_words_is_that_of_the_library(client, engine, text):
    answer = client.post("/v1/search", json={"text": text, "k": 7})
    assert answer.status_code == 200
    same(answer.json()["results"], engine.search(text, k=7))


def test_search_by_picture_as_base64_and_as_upload(client, engine, picture):
    expected = engine.search("in red", image=picture, k=3)
    body = {"text": "in red", "image": base64.b64encode(picture).decode(), "k": 3}
    same(client.post("/v1/search", json=body).json()["results"], expected)
    form = {"data": {"text": "in red", "k": "3"}, "files": {"image": ("a.png", picture, "image/png")}}
    same(client.post("/v1/search", **form).json()["results"], expected)


def test_image_weight_goes_from_words_to_picture(client, engine, picture):
    body = {"text": "mug", "image": base64.b64encode(picture).decode(), "k": 5}
    words, image = (client.post("/v1/search", json=body | {"image_weight": w}).json()["results"] for w in (0, 1))
    same(words, engine.search("mug", k=5))
    same(image, engine.search(image=picture, k=5))


def test_filters_apply_and_a_wrong_one_says_what_there_is(client, engine):
    table = engine.index.products.frame
    colour = table["colour"].iloc[0]
    found = client.post("/v1/search", json={"text": "mug", "filters": [f"colour={colour}"], "k": 100}).json()["results"]
    assert len(found) == min(100, (table["colour"] == colour).sum())
    wrong = client.post("/v1/search", json={"text": "mug", "filters": ["color=red"]})
    assert wrong.status_code == 422
    assert "Did you mean 'colour'" in wrong.json()["detail"]


def test_similar_products_leave_out_the_product_itself(client, engine):
    product = engine.index.product_ids[3]
    found = client.post("/v1/search", json={"product_id": product, "k": 5}).json()["results"]
    vectors = engine.index.exact.vectors
    order = np.argsort(-(vectors @ vectors[3]), kind="stable")
    assert [hit["product_id"] for hit in found] == [engine.index.product_ids[i] for i in order if i != 3][:5]


def test_no_path_of_the_machine_leaves_the_service(client, engine, tiny_shop):
    answer = client.post("/v1/search", json={"text": "mug", "k": 100})
    assert str(tiny_shop.catalog.parent) not in answer.text
    pictures = dict(zip(engine.index.product_ids, engine.index.products.frame["image"], strict=True))
    for hit in answer.json()["results"]:
        path = f"/v1/products/{hit['product_id']}/image"
        assert hit["image"] == (path if pictures[hit["product_id"]] else None)


def test_match_is_the_sigmoid_of_the_inner_product(client, engine):
    answer = client.post("/v1/match", json={"pairs": [{"left": {"text": "red mug"}, "right": {"text": "blue sofa"}}]})
    left, right = engine.embed("red mug")[0], engine.embed("blue sofa")[0]
    head = engine.bundle.head
    score = head.temperature * float(left @ right) + head.bias
    pair = answer.json()["pairs"][0]
    assert pair["score"] == pytest.approx(score, rel=1e-4)
    assert pair["probability"] == pytest.approx(1 / (1 + np.exp(-(head.scale * score + head.offset))), rel=1e-4)
    assert pair["match"] == (pair["probability"] >= answer.json()["threshold"])


def test_embed_gives_unit_vectors_in_order(client, engine):
    items = [{"text": "red mug"}, {"title": "Mug", "description": "blue", "tags": ["a", "b"]}]
    answer = client.post("/v1/embed", json={"items": items}).json()
    encoders = engine.bundle.encoders
    whole = encoders.embed_product([b""], ["Mug"], ["blue"], ["a|b"])[0]
    np.testing.assert_allclose(answer["embeddings"], [engine.embed("red mug")[0], whole], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(answer["embeddings"], axis=1), 1, atol=1e-5)


def test_recommend_without_a_recommender_says_how_to_get_one(client):
    answer = client.post("/v1/recommend", json={"user_id": "U0001"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "train-recommender" in answer.json()["detail"]


def test_health_metrics_about_docs(client):
    assert client.get("/healthz").json()["status"] == "alive"
    ready = client.get("/readyz").json()
    assert (ready["status"], ready["products"]) == ("ready", 160)
    about = client.get("/v1/about").json()
    colours = next(facet for facet in about["facets"] if facet["attribute"] == "colour")
    assert sum(colours["values"].values()) >= 160 // 2
    client.post("/v1/search", json={"text": "mug"})
    text = client.get("/metrics").text
    assert 'product_matching_request_seconds_count{method="POST",route="/v1/search",status="200"}' in text
    assert "product_matching_index_products 160.0" in text
    for path in ("/", "/docs"):
        page = client.get(path)
        assert page.headers["content-type"].startswith("text/html")
        assert "'unsafe-inline'" not in page.headers["content-security-policy"]
        assert "sha256-" in page.headers["content-security-policy"]
        assert "http://" not in page.text.replace("http://www.w3.org", "")
        assert "https://" not in page.text


def test_openapi_resolves_every_reference(client):
    api = client.get("/openapi.json").json()
    references = {part.split('"')[0] for part in json.dumps(api).split('"$ref": "#/components/schemas/')[1:]}
    assert references <= api["components"]["schemas"].keys()
    assert set(api["paths"]) >= {"/v1/search", "/v1/match", "/v1/recommend", "/v1/embed", "/v1/interactions"}
    for path in api["paths"].values():
        for route in path.values():
            for body in route.get("requestBody", {}).get("content", {}).values():
                assert "$ref" in body["schema"]


def test_pictures_of_products_and_of_nothing_else(client, engine):
    answer = client.get(f"/v1/products/{engine.index.product_ids[0]}/image")
    assert answer.status_code == 200
    assert answer.content[:3] == b"\xff\xd8\xff"
    again = client.get(answer.request.url, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    for name in ("nothing", "..%2f..%2fetc%2fpasswd", "%2Fetc%2Fpasswd", "%00"):
        assert client.get(f"/v1/products/{name}/image").status_code == 404


def test_every_answer_has_an_id_and_strict_headers(client):
    answer = client.get("/nothing", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine-1"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    odd = client.get("/healthz", headers={"X-Request-ID": "a b\tc"})
    assert len(odd.headers["x-request-id"]) == 32


def test_a_search_asked_twice_is_looked_up_once_until_something_is_written(client, key):
    def count(name):
        line = next(
            row for row in client.get("/metrics").text.splitlines() if row.startswith(f"product_matching_{name}")
        )
        return float(line.split()[-1])

    asked = {"text": "asked more than once", "k": 3}
    first, hits = client.post("/v1/search", json=asked).json(), count("result_cache_hits_total")
    assert client.post("/v1/search", json=asked).json() == first
    assert count("result_cache_hits_total") == hits + 1
    assert client.post("/v1/search", json={**asked, "k": 2}).json()["results"] == first["results"][:2]
    assert count("result_cache_hits_total") == hits + 1
    client.put("/v1/products/asked", json={"title": "asked more than once"}, headers=key)
    assert "asked" in [hit["product_id"] for hit in client.post("/v1/search", json=asked).json()["results"]]
    client.delete("/v1/products/asked", headers=key)
    assert client.post("/v1/search", json=asked).json() == first


@pytest.mark.parametrize(
    ("body", "status"), [({"k": 5.0}, 200), ({"k": True}, 422), ({"k": "5"}, 422), ({"k": 5.5}, 422)]
)
def test_types_of_json_are_meant(client, body, status):
    assert client.post("/v1/search", json={"text": "mug", **body}).status_code == status


def test_a_wrong_method_tells_the_right_ones(client):
    assert client.patch("/v1/products/a").headers["allow"] == "DELETE, PUT"
