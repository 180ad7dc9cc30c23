"""The Python client, and the curl lines of the README, against a service on a real socket."""

import http.server
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

uvicorn = pytest.importorskip("uvicorn")

from product_matching.deploy.client import Client, ServiceError  # noqa: E402
from product_matching.deploy.service import add_key, create_app  # noqa: E402

README = Path(__file__).parents[3] / "README.md"


@pytest.fixture(scope="module")
def served(tiny_bundle, settings, tmp_path_factory):
    """(address, key) of a service on a port of its own."""
    mine = replace(settings, state=tmp_path_factory.mktemp("served"))
    key = add_key(mine.state, "client", ["write"])
    server = uvicorn.Server(uvicorn.Config(create_app(tiny_bundle, mine), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", key
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(served):
    return Client(served[0], key=served[1])


def test_a_product_comes_and_goes(client, picture, tmp_path):
    (tmp_path / "mug.png").write_bytes(picture)
    mug = {"title": "zebra striped mug 斑马", "tags": ["kitchen"], "attributes": {"glaze": "matt", "price": 3.5}}
    assert client.put_product("zebra mug: 1", image=tmp_path / "mug.png", **mug) is True
    assert client.put_product("zebra mug: 1", image=picture, **mug) is False
    (hit,) = client.search("mug", filters=["glaze=matt"], facets=["glaze"], k=1)["results"]
    assert (hit["product_id"], hit["rank"], hit["attributes"]["price"]) == ("zebra mug: 1", 1, 3.5)
    pair = {"product_id": "zebra mug: 1"}, {"product_id": "zebra mug: 1"}
    same, other = client.match([pair, (pair[0], {"title": "a lamp", "image": picture})])
    assert same["score"] > other["score"]
    client.delete_product("zebra mug: 1")
    client.delete_product("zebra mug: 1")
    with pytest.raises(ServiceError, match="no product") as error:
        client.search(product_id="zebra mug: 1")
    assert error.value.status == 404


def test_vectors_are_of_length_one_and_those_of_the_bundle(client, tiny_bundle):
    from product_matching.bundle import load_bundle

    vectors = client.embed([{"text": "red mug"}, {"text": "红色马克杯"}])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    expected = load_bundle(tiny_bundle).encoders.embed_text(["red mug", "红色马克杯"])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_events_count_once(client):
    event = {"user_id": "U1", "product_id": "P1", "timestamp": 9, "event_id": "client"}
    assert client.add_interactions([event, event]) == {"accepted": 1, "duplicates": 1}


def test_refusals_say_what_was_wrong(client, served):
    with pytest.raises(ServiceError, match=r"422: .*k: "):
        client.search("mug", k=0)
    with pytest.raises(ServiceError, match=r"404: .*train-recommender"):
        client.recommend("U1")
    with pytest.raises(ServiceError, match=r"401: .*--new-key"):
        Client(served[0], key="wrong").put_product("a", title="b")


def test_who_is_not_there_is_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServiceError, match=f"127.0.0.1:{port} cannot be reached") as error:
        Client(f"http://127.0.0.1:{port}", retries=0).search("mug")
    assert error.value.status == 0


def test_it_waits_as_long_as_a_busy_service_asks(monkeypatch):
    slept, asked = [], []

    class Busy(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            body = b"{}" if len(asked) < 3 else b'{"results": [], "nothing_matches": true}'
            self.send_response(429 if len(asked) < 3 else 200)
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    with http.server.HTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}"
            assert Client(address).search("mug", k=3)["nothing_matches"] is True
            assert asked == 3 * [{"text": "mug", "k": 3}]
            assert slept == [7, 7]
            asked.clear()
            with pytest.raises(ServiceError, match="429: no reason"):
                Client(address, retries=1).search("mug")
        finally:
            server.shutdown()
            thread.join()


def test_the_curl_lines_of_the_readme_run(served, picture, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    (tmp_path / "mug.jpg").write_bytes(picture)
    lines = re.findall(r"^    (curl .*localhost:8000.*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        command = line.replace("localhost:8000", served[0].removeprefix("http://")).replace("$KEY", served[1])
        command = command.replace("curl -s", "curl -s --fail-with-body")
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        assert done.stdout == "" or json.loads(done.stdout)
