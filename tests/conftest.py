import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import hypothesis
import keras
import pytest

from product_matching.bundle import load_bundle
from product_matching.config import load_config
from product_matching.dataset import load_data, make_sample_shop
from product_matching.deploy import export
from product_matching.model import build_model, factory
from product_matching.search import build_index
from product_matching.text import TextEncoder, learn_vocabulary
from product_matching.train import fit
from product_matching.visual import ImageEncoder

hypothesis.settings.register_profile("fast", max_examples=60, deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("fast")


def pytest_collection_modifyitems(items):
    """A test that needs a trained model is slow, whatever else it does."""
    for item in items:
        if "training" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def tiny_shop(tmp_path_factory):
    """A bilingual shop on disk; read it, never write into it."""
    return make_sample_shop(tmp_path_factory.mktemp("shop"), products=160, shoppers=20, seed=1)


@pytest.fixture(scope="session")
def tiny_catalog(tiny_shop):
    return load_data(tiny_shop.catalog)


@pytest.fixture(scope="session")
def tiny_split(tiny_catalog):
    """Train, validation and test: about 100, 30 and 30 products."""
    return tiny_catalog.split(seed=0, val=0.2, test=0.2)


@pytest.fixture(scope="session")
def tiny_model(tiny_split):
    """A model that was never trained; do not change it."""
    return build_model(load_config("tiny"), tiny_split[0])


@pytest.fixture(scope="session")
def training(tiny_split):
    """(model, history) of a short fit."""
    config = load_config("tiny")
    model = build_model(config, tiny_split[0])
    return model, fit(model, tiny_split[0], tiny_split[1], config)


@pytest.fixture(scope="session")
def trained(training, tiny_split):
    """(model, train, val, test) after a short fit; do not change the model."""
    return training[0], *tiny_split


@pytest.fixture(scope="session")
def tiny_bundle(trained, tiny_catalog, tmp_path_factory):
    """Path of an exported bundle with an index over `tiny_catalog`; copy it before changing it."""
    path = export(trained[0], tmp_path_factory.mktemp("saved_models") / "tiny" / "1")
    build_index(load_bundle(path), tiny_catalog)
    return path


@pytest.fixture(scope="session")
def built_with_towers_beside():
    """A function that builds a model of the preset tiny with random towers, which stand still, beside its own.

    Of a list of overrides and a catalogue it makes the model and its configuration, alike each time; `text` is another
    tower for texts.
    """

    def build(overrides, catalog, *, text=None):
        names = ["image.beside=a-picture-tower", "text.beside=a-text-tower", "image.beside_size=24"]
        config = load_config("tiny", [*names, *overrides])
        keras.utils.set_random_seed(1)
        image = ImageEncoder.from_scratch("resnet", size=24, filters=(64,), blocks=(1,), stem=(8,), pooling="gem")
        shape = {"layers": 1, "heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_tokens": 12}
        text = text or TextEncoder(learn_vocabulary(catalog.texts(), 200), **shape)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(factory, "_beside_image", lambda *_, **__: image)
            patch.setattr(factory, "_beside_text", lambda *_, **__: text)
            return build_model(config, catalog), config

    return build


@pytest.fixture
def half_precision():
    """The global policy of mixed precision, for the length of a test."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium; what needs it is skipped where it or Playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()
