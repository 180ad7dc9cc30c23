import logging

from product_matching.deploy.service.logs import JsonFormatter


def test_a_full_queue_is_429_with_a_time_to_come_back(fresh):
    with fresh(max_queue=1) as client:
        answer = client.post("/v1/embed", json={"items": [{"text": f"mug {number}"} for number in range(8)]})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == "application/problem+json"
        assert client.post("/v1/embed", json={"items": [{"text": "mug"}]}).status_code == 200


def test_what_takes_too_long_is_given_up(fresh):
    with fresh(deadline=1e-6) as client:
        answer = client.post("/v1/search", json={"text": "mug"})
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"


def test_our_own_fault_is_a_problem_without_details(fresh, monkeypatch):
    with fresh() as client:
        monkeypatch.setattr("product_matching.deploy.service.edition.Edition.search", lambda *_, **__: 1 / 0)
        answer = client.post("/v1/search", json={"text": "mug"})
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "division" not in answer.text


def test_logs_hold_nothing_of_what_was_asked(client, caplog):
    with caplog.at_level(logging.INFO, "product_matching.service"):
        client.post("/v1/search?secret=1", json={"text": "secret words"})
        client.get("/v1/products/secret/image")
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name.startswith("product_matching")]
    assert any('"route": "/v1/search"' in line and '"status": 200' in line for line in lines)
    assert not any("secret" in line for line in lines)


def test_no_other_site_is_let_in(client):
    answer = client.post("/v1/search", json={"text": "mug"}, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
