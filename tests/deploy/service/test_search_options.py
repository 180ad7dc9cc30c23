import time

import pytest

from product_matching.search import Options, SearchEngine


@pytest.fixture(scope="module")
def engine(tiny_bundle):
    return SearchEngine.load(tiny_bundle)


def ask(client, **body):
    return client.post("/v1/search", json=body)


def test_pages_facets_and_groups_are_those_of_the_library(client, engine):
    options = Options(k=4, offset=3, facets=("colour",), group_by="colour", diversity=0.3)
    page = engine.ask("mug", options=options)
    body = {"k": 4, "offset": 3, "facets": ["colour"], "group_by": "colour", "diversity": 0.3}
    found = ask(client, text="mug", **body).json()
    assert [hit["product_id"] for hit in found["results"]] == [result.product_id for result in page.results]
    assert [hit["variants"] for hit in found["results"]] == [list(result.variants) for result in page.results]
    assert [hit["rank"] for hit in found["results"]] == [4, 5, 6, 7][: len(page.results)]
    assert found["total"] == page.total
    assert found["facets"][0]["values"] == page.facets[0].values
    assert set(found["results"][0]["parts"]) == {
        "cosine",
        "reach",
        "words",
        "word_weight",
        "text",
        "text_weight",
        "code",
    }


def test_a_mended_word_is_told(client):
    found = ask(client, text="stripedd mug").json()
    assert found["corrected"] == "striped mug"
    assert ask(client, text="stripedd mug", spelling=False).json()["corrected"] is None
    assert ask(client, text="striped mug").json()["corrected"] is None


def test_unlikely_products_are_left_out(client):
    every = ask(client, text="mug", k=100).json()["results"]
    likely = ask(client, text="mug", k=100, min_probability=1.0).json()["results"]
    assert len(likely) < len(every)
    # Who has the one word has all.
    assert all(hit["parts"]["words"] >= 1 / 3 or hit["parts"]["code"] for hit in likely)


def test_unusable_options(client):
    wrong = [{"offset": -1}, {"offset": 10_001}, {"diversity": 2}, {"min_probability": "much"}, {"group_by": "nothing"}]
    wrong += [{"facets": ["nothing"]}]
    for body in wrong:
        assert ask(client, text="mug", **body).status_code == 422, body


def test_operators_see_recall_and_how_good_the_best_results_are(client):
    assert client.post("/v1/search", json={"text": "a query that nobody sent before 4711"}).status_code == 200
    for _ in range(100):
        figures = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
        if float(figures["product_matching_recall_canary_count"]):
            break
        time.sleep(0.02)
    count, total = (float(figures[f"product_matching_recall_canary_{name}"]) for name in ("count", "sum"))
    assert 0.5 < total / count <= 1
    assert float(figures["product_matching_search_best_probability_count"]) >= 1
