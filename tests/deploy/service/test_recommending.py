import pytest

from product_matching.deploy.service import Settings, add_key, create_app
from product_matching.recommendation import Recommender

pytest.importorskip("fastapi")
from starlette.testclient import TestClient


def test_recommendations_are_those_of_the_library_and_follow_events(with_recommender, tmp_path):
    headers = {"X-API-Key": add_key(tmp_path, "w", ["write"])}
    model = Recommender.load(with_recommender / "recommender")
    user = str(model.users.ids[0])

    def ask(client, **body):
        answer = client.post("/v1/recommend", json={"k": 5, **body})
        assert answer.status_code == 200, answer.text
        return [hit["product_id"] for hit in answer.json()["results"]]

    with TestClient(create_app(with_recommender, Settings(tmp_path)), base_url="http://localhost") as client:
        found = ask(client, user_id=user)
        assert found == model.recommend([user], k=5)[0][0].tolist()
        assert ask(client, history=found[:1])[0] != found[0]
        event = {"user_id": user, "product_id": found[0], "timestamp": 2e9}
        assert client.post("/v1/interactions", json={"interactions": [event]}, headers=headers).status_code == 200
        assert found[0] not in ask(client, user_id=user)
        client.delete(f"/v1/products/{found[1]}", headers=headers)
        after = ask(client, user_id=user)
        assert found[1] not in after
    with TestClient(create_app(with_recommender, Settings(tmp_path)), base_url="http://localhost") as client:
        assert ask(client, user_id=user) == after
