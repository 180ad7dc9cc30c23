import io

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

from PIL import Image
from starlette.testclient import TestClient

from product_matching.deploy.service import Settings, add_key, create_app

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
