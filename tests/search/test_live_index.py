import numpy as np
import pandas as pd
import pytest

from product_matching.deploy.service.showing import facets_of
from product_matching.errors import DataError
from product_matching.search import ProductIndex, parse_filter
from product_matching.search.live_index import LiveIndex

COLOURS = np.array(["red", "blue", "green"])


@pytest.fixture
def pair():
    """An index that took writes, and one built anew of what should be in it."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(60, 8)).astype(np.float32)
    names = [f"P{number}" for number in range(60)]
    frame = pd.DataFrame({"product_id": names, "colour": COLOURS[random.integers(0, 3, 60)]})
    live = LiveIndex(ProductIndex.build(vectors[:40], frame[:40], backend="exact"))
    rows = [(name, vectors[place], {"colour": frame["colour"][place]}) for place, name in enumerate(names)]
    live.put([(name, -vector, {"colour": "none"}) for name, vector, _ in rows[30:45]])
    live.put(rows[30:])
    live.put([("P3", vectors[3] * 2, {"colour": "red", "size": 40})])
    live.delete(["P5", "P50", "unknown"])
    vectors[3] *= 2
    frame.loc[3, "colour"] = "red"
    frame["size"] = np.where(frame["product_id"] == "P3", 40.0, np.nan)
    kept = ~frame["product_id"].isin(["P5", "P50"]).to_numpy()
    return live, ProductIndex.build(vectors[kept], frame[kept], backend="exact")


@pytest.mark.parametrize("filters", [[], ["colour=red"], ["colour!=red"], ["size>=10"], ["size!=40", "colour=blue"]])
def test_it_answers_as_an_index_built_anew(pair, filters):
    live, anew = pair
    conditions = [parse_filter(text) for text in filters]
    for query in np.random.default_rng(1).normal(size=(5, 8)):
        found = live.search(query, k=70, filters=conditions, exclude_ids=["P7"])
        expected = anew.search(query, k=70, filters=conditions, exclude_ids=["P7"])[0]
        assert [(hit.product_id, hit.rank) for hit in found] == [(hit.product_id, hit.rank) for hit in expected]
        np.testing.assert_allclose([h.score for h in found], [h.score for h in expected], rtol=1e-5)
    assert set(live.ids(conditions)) == {hit.product_id for hit in found} | (set(live.ids(conditions)) & {"P7"})


def test_what_is_in_it(pair):
    live, anew = pair
    assert live.size == anew.size == 58
    assert ("P3" in live, "P5" in live, "P50" in live, "P59" in live) == (True, False, False, True)
    np.testing.assert_array_equal(live.get("P59")[0], anew.vectors_of(["P59"])[0])
    with pytest.raises(KeyError):
        live.get("P5")
    with pytest.raises(DataError, match="colour"):
        live.search(np.ones(8), k=1, filters=[parse_filter("color=red")])


def test_facets_count_what_is_there(pair):
    live, anew = pair
    counts = anew.products.frame["colour"].value_counts().to_dict()
    facets = {facet.attribute: facet for facet in facets_of(live.snapshot)}
    assert facets["colour"].values == counts
    assert "size" not in facets, "one value leaves nothing to choose"
    live.put([("P4", np.ones(8, np.float32), {"colour": "red", "size": 42})])
    size = {facet.attribute: facet for facet in facets_of(live.snapshot)}["size"]
    assert (size.minimum, size.maximum) == (40, 42)
