import io
import shutil
import threading
import time

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

from PIL import Image
from starlette.testclient import TestClient

from product_matching.deploy.service import Settings, add_key, create_app
from product_matching.recommendation import build_recommender, load_interactions

HERE = "http://localhost"


@pytest.fixture(scope="session")
def picture():
    """A small PNG."""
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    return Settings(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def key(settings):
    """Headers with a key that may write."""
    return {"Authorization": f"Bearer {add_key(settings.state, 'test', ['write'])}"}


@pytest.fixture(scope="session")
def client(tiny_bundle, settings, key):
    """A service on the tiny bundle; tests delete what they add."""
    with TestClient(create_app(tiny_bundle, settings), base_url=HERE) as client:
        yield client


@pytest.fixture
def fresh(tiny_bundle, tmp_path):
    """Opens services that share a state of their own, one after the other."""

    def start(**options):
        return TestClient(create_app(tiny_bundle, Settings(tmp_path, **options)), base_url=HERE)

    return start


@pytest.fixture(scope="session")
def with_recommender(tiny_bundle, tiny_shop, tmp_path_factory):
    """The tiny bundle with a recommender."""
    folder = tmp_path_factory.mktemp("with_recommender") / "1"
    shutil.copytree(tiny_bundle, folder)
    build_recommender("popularity").fit(load_interactions(tiny_shop.interactions)).save(folder / "recommender")
    return folder


@pytest.fixture(scope="session")
def until():
    """`until(page, expression)` waits from outside: the page's policy lets no string be run inside."""

    def wait(page, condition):
        for _ in range(200):
            if page.evaluate(condition):
                return
            page.wait_for_timeout(50)
        raise AssertionError(condition)

    return wait


@pytest.fixture(scope="module")
def served(with_recommender, tmp_path_factory):
    """(address, key that may write, shop) of a service that listens."""
    uvicorn = pytest.importorskip("uvicorn")
    state = tmp_path_factory.mktemp("page")
    key = add_key(state, "curator", ["write"])
    app = create_app(with_recommender, Settings(state))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/", key, app.state.shop
    server.should_exit = True
    thread.join()
