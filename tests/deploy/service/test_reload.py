import asyncio
import json
import shutil
import time

import numpy as np
import pytest
from starlette.testclient import TestClient

from product_matching.deploy.service import Settings, add_key, create_app
from product_matching.deploy.service.shop import Shop
from product_matching.errors import BundleError
from product_matching.search import Options, Query

pytestmark = pytest.mark.slow


@pytest.fixture
def versions(tiny_bundle, tmp_path):
    """A folder with version 1."""
    folder = tmp_path / "models"
    shutil.copytree(tiny_bundle, folder / "1")
    return folder


@pytest.fixture
def admin(tmp_path):
    return {"X-API-Key": add_key(tmp_path, "a", ["admin"])}


def another(versions, number, spoil=lambda folder: None):
    """The next version, put there whole."""
    fresh = versions / "fresh"
    shutil.copytree(versions / "1", fresh)
    spoil(fresh)
    fresh.rename(versions / str(number))


def without_its_products(folder):
    path = folder / "index" / "vectors.npy"
    np.save(path, np.full_like(np.load(path), np.nan))


def another_model(folder):
    """Says that it is another model, so that nothing may be reused."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["saved_model.pb"] = manifest["files"].get("saved_model.pb")
    manifest["files"]["another"] = manifest["files"]["saved_model.pb"]
    (folder / "another").write_bytes((folder / "saved_model.pb").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def client(versions, tmp_path, admin):
    with TestClient(create_app(versions, Settings(tmp_path)), base_url="http://localhost") as client:
        yield client


def found(client, **body):
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    return [hit["product_id"] for hit in answer.json()["results"]]


def test_a_new_version_takes_over_with_all_that_was_written(client, versions, admin):
    assert client.post("/v1/admin/reload").status_code == 401
    assert client.post("/v1/admin/reload", headers=admin).json()["changed"] is False
    removed = found(client, text="mug")[0]
    client.put("/v1/products/zebra", json={"title": "zebra mug", "attributes": {"glaze": "matt"}}, headers=admin)
    client.delete(f"/v1/products/{removed}", headers=admin)
    products = client.get("/readyz").json()["products"]
    another(versions, 2, another_model)
    answer = client.post("/v1/admin/reload", headers=admin)
    assert answer.json() == {"changed": True, "bundle": "2", "products": products}
    assert client.get("/readyz").json()["bundle"] == "2"
    assert found(client, text="zebra", filters=["glaze=matt"]) == ["zebra"]
    assert removed not in found(client, text="mug", k=50)
    assert 'product_matching_reloads_total{outcome="done"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("spoil", [without_its_products, lambda folder: shutil.rmtree(folder / "index")])
def test_a_version_that_fails_its_trial_changes_nothing(client, versions, admin, caplog, spoil):
    before = found(client, text="mug")
    another(versions, 2, spoil)
    answer = client.post("/v1/admin/reload", headers=admin)
    assert answer.status_code == 409, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "kept version 1: version 2 failed" in caplog.text
    assert client.get("/readyz").json()["bundle"] == "1"
    assert found(client, text="mug") == before


def test_no_request_is_lost_over_a_change_and_the_old_one_ends(versions, tmp_path):
    another(versions, 2)

    async def whole():
        shop = Shop.load(versions / "1", Settings(tmp_path, cache_entries=1))
        shop.path = versions
        await shop.start()
        old, done, failed = shop.now, 0, []

        async def ask(number):
            nonlocal done
            while shop.now is old or done % 7:
                with shop.using() as edition:
                    try:
                        vector = await edition.embedder.embed(text=f"mug {number} {done}")
                        found = await edition.search(Query(vector), Options(k=1))
                        assert found.results
                    except Exception as error:
                        failed.append(error)
                done += 1

        asking = [asyncio.ensure_future(ask(number)) for number in range(8)]
        await asyncio.sleep(0.2)
        with shop.using():  # one who is slow
            assert await shop.reload()
            assert shop.now is not old
            await asyncio.sleep(0.1)
            assert (await old.embedder.embed(text="late")).shape == (old.live.dim,)
        await asyncio.gather(*asking)
        await shop.close()
        return failed

    assert asyncio.run(whole()) == []


def test_it_watches(versions, tmp_path):
    app = create_app(versions, Settings(tmp_path, watch=0.05))
    with TestClient(app, base_url="http://localhost") as client:
        another(versions, 2)
        for _ in range(200):
            if client.get("/readyz").json()["bundle"] == "2":
                break
            time.sleep(0.05)
        assert client.get("/readyz").json()["bundle"] == "2"
        app.state.shop.mark = b"another"
        app.state.shop.ask_reload()
        for _ in range(200):
            if 'outcome="done"} 2.0' in client.get("/metrics").text:
                break
            time.sleep(0.05)
        assert 'outcome="done"} 2.0' in client.get("/metrics").text


def test_a_folder_without_a_bundle_is_the_callers_mistake(tmp_path):
    with pytest.raises(BundleError):
        Shop.load(tmp_path, Settings(tmp_path))
