"""Several services on one PostgreSQL database, and a database that goes away."""

import time

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from product_matching.deploy.service import Settings, add_key, create_app

pytestmark = pytest.mark.slow

MUG = {"title": "zebra striped mug", "attributes": {"glaze": "matt"}}


def matt(client):
    answer = client.post("/v1/search", json={"text": "mug", "filters": ["glaze=matt"], "k": 5}).json()
    return [hit["product_id"] for hit in answer.get("results", [])]  # 422 while no product has such an attribute


def until(condition):
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_services_on_one_database_take_in_what_the_others_write(tiny_bundle, tmp_path, fresh_postgres):
    headers = {"X-API-Key": add_key(tmp_path, "w", ["write"])}
    settings = Settings(tmp_path, store=fresh_postgres, follow=0.05)
    here, there = (TestClient(create_app(tiny_bundle, settings), base_url="http://localhost") for _ in range(2))
    with here, there:
        assert here.put("/v1/products/zebra", json=MUG, headers=headers).json()["changed"]
        assert matt(here) == ["zebra"]
        assert until(lambda: matt(there) == ["zebra"])
        assert not there.put("/v1/products/zebra", json=MUG, headers=headers).json()["changed"]
        event = {"interactions": [{"user_id": "U1", "product_id": "zebra", "timestamp": 1}]}
        assert there.post("/v1/interactions", json=event, headers=headers).json()["accepted"] == 1
        assert here.post("/v1/interactions", json=event, headers=headers).json()["duplicates"] == 1
        assert there.delete("/v1/products/zebra", headers=headers).status_code == 204
        assert until(lambda: matt(here) == [])
        assert here.get("/readyz").json() == there.get("/readyz").json()
    assert not list(tmp_path.glob("*.sqlite*"))


@pytest.mark.parametrize("where", ["writing", "revision"])
def test_a_database_that_is_away_is_told_and_reading_goes_on(fresh, tmp_path, monkeypatch, where):
    headers = {"X-API-Key": add_key(tmp_path, "w", ["write"])}

    def away(*_):
        raise sa.exc.OperationalError("select", {}, Exception("server closed the connection"))

    with fresh(follow=0.02) as client:
        monkeypatch.setattr(f"product_matching.deploy.service.store.Store.{where}", away)
        answer = client.put("/v1/products/zebra", json=MUG, headers=headers)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "server closed" not in answer.text
        time.sleep(0.1)
        assert client.post("/v1/search", json={"text": "mug"}).status_code == 200
        monkeypatch.undo()
        assert client.put("/v1/products/zebra", json=MUG, headers=headers).status_code == 200
        assert until(lambda: matt(client) == ["zebra"])
