"""The public names are frozen: adding or removing one is a decision, and belongs into the changelog."""

import importlib

import pytest

import product_matching as pm

NAMES = [
    *("Bundle", "Catalog", "Config", "ImageEncoder", "ProductIndex", "ProductModel", "SearchEngine", "TextEncoder"),
    *("build_model", "build_optimizer", "calibrate", "errors", "evaluate", "export", "fit", "layers", "load_bundle"),
    *("load_config", "load_data", "losses", "make_dataset", "make_sample_shop", "metrics"),
]
PACKAGES = [
    "bundle",
    "checkpoints",
    "dataset",
    "deploy",
    "eval",
    "recommendation",
    "search",
    "train",
    "layers",
    "losses",
    "metrics",
    "model",
    "text",
    "visual",
]


def test_public_names():
    assert pm.__all__ == NAMES
    assert dir(pm) == NAMES


def test_every_public_name_resolves():
    for name in NAMES:
        assert getattr(pm, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_of_a_package_resolves_and_is_described(package):
    module = importlib.import_module(f"product_matching.{package}")
    for name in module.__all__:
        thing = getattr(module, name)
        assert not callable(thing) or thing.__doc__, f"{package}.{name} has no docstring"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pm.nothing  # noqa: B018


def test_the_version_is_that_of_the_package():
    assert pm.__version__.count(".") == 2
