import itertools
import json
import math

import numpy as np
import pytest

from product_matching.bundle import load_bundle
from product_matching.errors import BundleError
from product_matching.search import ProductIndex
from product_matching.search.calibrating import REFERENCE, least_probabilities, references, sensible_queries
from product_matching.search.drift import ACT, WATCH, Deciles, Reference, psi


def by_hand(reference, live, edges):
    """PSI by a double loop, half a count added to each bin."""
    bounds = [-math.inf, *edges, math.inf]
    total = 0.0
    for low, high in itertools.pairwise(bounds):
        p, q = (sum(low <= value < high for value in values) + 0.5 for values in (reference, live))
        p, q = p / (len(reference) + 0.5 * (len(bounds) - 1)), q / (len(live) + 0.5 * (len(bounds) - 1))
        total += (q - p) * math.log(q / p)
    return total


@pytest.mark.parametrize("shift", [0.0, 0.4, 3.0])
def test_stability_is_the_sum_over_the_deciles(shift):
    draw = np.random.default_rng(0)
    reference, live = draw.normal(size=500).astype("f4"), (draw.normal(size=300) + shift).astype("f4")
    bins = Deciles.of(reference)
    assert bins.edges.tolist() == sorted(reference.tolist())[49:499:50]  # a tenth is below or at each
    assert bins.stability(bins.places(live)) == pytest.approx(by_hand(reference, live, bins.edges), rel=1e-5)


def test_equal_values_share_a_bin():
    bins = Deciles.of([1.0] * 60 + [2.0] * 40)
    assert bins.edges.tolist() == [1.0, 2.0]
    assert bins.stability(bins.places([1.0] * 600 + [2.0] * 400)) < 0.02
    assert bins.stability(bins.places([1.0] * 400 + [2.0] * 600)) == pytest.approx(0.2 * math.log(1.5) * 2, abs=0.01)
    assert math.isnan(bins.stability([]))


def test_psi_of_one_distribution_is_0_and_both_ways_the_same():
    p, q = np.random.default_rng(1).dirichlet(np.ones(10), size=2)
    assert psi(p, p) == 0
    assert psi(p, q) == psi(q, p) > 0


def worst(reference, vectors):
    places = np.array([reference.places(vector) for vector in vectors]).T
    return max(bins.stability(column) for bins, column in zip(reference.projections, places, strict=True))


def test_the_same_distribution_is_calm_and_another_is_not():
    draw = np.random.default_rng(2)
    spread = np.geomspace(3, 0.1, 16)
    vectors = draw.normal(size=(500, 16)) * spread
    reference = Reference.of(vectors, vectors[:, 0])
    # Principal axes of what varies along the coordinates are the coordinates, the widest first.
    assert np.abs(reference.axes[0]).argmax() == 0
    assert np.allclose(reference.axes @ reference.axes.T, np.eye(5), atol=1e-5)
    assert worst(reference, draw.normal(size=(1000, 16)) * spread) < WATCH
    assert worst(reference, draw.normal(size=(1000, 16)) * spread + 1.5 * reference.axes[2]) > ACT


@pytest.fixture(scope="module")
def bundle(tiny_bundle):
    return load_bundle(tiny_bundle)


def test_an_index_keeps_what_sensible_queries_are_like(bundle, tiny_catalog, tmp_path):
    index = ProductIndex.load(bundle.index_folder)
    assert set(index.references) == {"text", "image"}
    asked = sensible_queries(bundle, tiny_catalog)
    assert 400 < len(asked["text"].rows) <= REFERENCE  # some products have no title
    assert len(asked["image"].rows) == len(set(asked["image"].rows)) == sum(map(bool, tiny_catalog.image_paths()))
    assert least_probabilities(bundle, index, asked) == pytest.approx(index.least_probability, abs=1e-5)
    assert set(index.least_probability) == {"text", "image", "unknown words"}
    again = sensible_queries(bundle, tiny_catalog, seed=5)["text"]
    asked_again = zip(again.texts, again.vectors, strict=True)
    scores = [index.search_words(text, vector, k=1, sides=again.sides)[0].score for text, vector in asked_again]
    for bins in (index.references["text"].score, references(bundle.head, index, asked)["text"].score):
        assert bins.edges[0] < np.median(scores) < bins.edges[-1]
    assert worst(index.references["text"], again.vectors) < WATCH
    index.save(tmp_path / "index")
    kept = ProductIndex.load(tmp_path / "index").references["text"]
    assert kept.to_dict() == index.references["text"].to_dict()
    assert np.array_equal(kept.axes, index.references["text"].axes)


def test_an_older_index_has_none_and_a_damaged_one_is_told(bundle, tmp_path):
    folder = tmp_path / "index"
    index = ProductIndex.load(bundle.index_folder)
    index.save(folder)
    meta = json.loads((folder / "index.json").read_text())
    np.save(folder / "drift-text.npy", np.zeros((5, 3), "f4"))
    with pytest.raises(BundleError, match="axes of 3 numbers"):
        ProductIndex.load(folder)
    (folder / "drift-text.npy").unlink()
    with pytest.raises(BundleError, match="damaged"):
        ProductIndex.load(folder)
    del meta["drift"]
    (folder / "index.json").write_text(json.dumps(meta))
    assert ProductIndex.load(folder).references == {}
