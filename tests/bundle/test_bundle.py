"""A bundle is whole, or it is refused with the reason."""

import json
import shutil

import numpy as np
import pytest

from product_matching.bundle import Head, load_bundle
from product_matching.errors import BundleError


@pytest.fixture
def copy(tiny_bundle, tmp_path):
    """A bundle that a test may spoil."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


def test_a_whole_bundle_is_opened(copy, trained):
    bundle = load_bundle(copy)
    model = bundle.load_model()
    np.testing.assert_array_equal(model.get_weights()[0], trained[0].get_weights()[0])
    assert bundle.head == Head(**trained[0].head.parameters())


def spoil_weights(folder):
    path = next((folder / "variables").glob("*.data-*"))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def change_manifest(**changes):
    def change(folder):
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_weights, "corrupt: variables/"),
        (lambda folder: (folder / "model.keras").unlink(), "incomplete: model.keras is missing"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest .* is damaged"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest .* is damaged"),
        (lambda folder: (folder / "manifest.json").unlink(), "is no bundle"),
        (change_manifest(format=99), "reads up to 1. Upgrade"),
        (lambda folder: shutil.rmtree(folder), "There is no bundle"),
    ],
)
def test_a_spoilt_bundle_is_refused(copy, spoil, message):
    spoil(copy)
    with pytest.raises(BundleError, match=message):
        load_bundle(copy)


def test_the_head_in_numpy_equals_the_head_in_the_graph(trained, tiny_bundle):
    inner = np.linspace(-1, 1, 9, dtype=np.float32)
    left, right = np.eye(2, dtype=np.float32)[[0] * 9], np.stack([inner, np.sqrt(1 - inner**2)], axis=1)
    head = load_bundle(tiny_bundle).head
    expected = np.asarray(trained[0].head(left, right))
    np.testing.assert_allclose(head.score(inner), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        head.probability(head.score(inner)), np.asarray(trained[0].head.probability(expected)), atol=1e-6
    )
