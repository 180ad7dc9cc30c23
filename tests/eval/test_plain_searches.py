import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from product_matching.dataset import Catalog
from product_matching.dataset.fingerprints import ImageFacts
from product_matching.eval import Judgement
from product_matching.eval.baselines import words
from product_matching.eval.plain_searches import TfIdf, colour_histograms, plain_searches
from product_matching.eval.queries import Alike

COLUMNS = ["product_id", "image", "title", "description", "tags", "kind"]


def shop(titles, looks=(), kinds=None):
    table = pd.DataFrame({"product_id": [str(i) for i in range(len(titles))], "title": titles, "image": ""})
    table["kind"] = kinds or ""
    if len(looks):
        table["image"] = [f"{i}.jpg" for i in range(len(titles))]
    images = {f"{i}.jpg": ImageFacts(9, 9, b"", bytes(16) + look) for i, look in enumerate(looks)}
    return Catalog(table.reindex(columns=COLUMNS, fill_value=""), images=images)


def plain(colour):
    return bytes(colour) * 64


def judged(catalog, alike=()):
    return Judgement(None, np.zeros(0), 0.5, np.arange(len(catalog)), {}, {}, {}, alike=alike)


def test_weights_are_those_of_scikit_learn():
    catalog = shop(["red red mug", "Blue mug!", "红色跑鞋 red", "", "bag of 12"])
    weights = TfIdf(catalog)
    theirs = TfidfVectorizer(analyzer=words).fit(catalog.table["title"])
    order = [weights.numbers[word] for word in theirs.get_feature_names_out()]
    reference = theirs.transform(catalog.table["title"]).toarray()
    np.testing.assert_allclose(weights.matrix.toarray()[:, order], reference, atol=1e-6)
    asked = ["mug unknown red", "nothing known"]
    np.testing.assert_allclose(weights.of(asked).toarray()[:, order], theirs.transform(asked).toarray(), atol=1e-6)


def test_colours_counted_by_hand():
    half = plain((255, 0, 0))[:96] + plain((0, 0, 255))[:96]
    found = colour_histograms(shop(["a", "b", "c"], [plain((250, 5, 5)), half, plain((9, 9, 9))]))
    assert found[0] @ found[1] == pytest.approx(np.sqrt(0.5))
    assert found[0] @ found[2] == 0
    np.testing.assert_allclose(np.square(found).sum(axis=1), 1)


def test_bestsellers_are_found_counted_by_hand():
    catalog = shop(["a", "b", "c", "d"])
    one = Judgement(None, np.zeros(0), 0.5, np.array([0, 1, 2]), {}, {"text_to_image": np.array([0, 1, 2])}, {})
    found = plain_searches(one, catalog, popularity=np.array([3.0, 1.0, 2.0, 9.0]))["text_to_image"]["popularity"]
    # Among the three with pictures: the first stands first for all, the second third, the third second.
    assert (found["recall@1"], found["gallery"], found["queries"]) == (pytest.approx(1 / 3), 3, 3)
    assert found["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)


def test_each_baseline_finds_what_it_can_see():
    red, blue, green = plain((255, 0, 0)), plain((0, 0, 255)), plain((0, 255, 0))
    catalog = shop(["red mug", "blue bag", "green mug", "blue pot"], [red, blue, green, blue], ["a", "b", "a", "b"])
    train = shop(["red", "blue", "green"] * 10, [red, blue, green] * 10)
    rows = np.arange(4)
    alike = Alike("product_to_product", "kind", np.zeros((4, 2)), np.array(list("abab"), object), rows, "product")
    found = plain_searches(judged(catalog, [alike]), catalog, train)
    assert found["text_to_product"]["TF-IDF"]["recall@1"] == 1.0
    # Colours tell the red and the green one; of two blue ones, the shuffle puts one first.
    assert found["image_to_text"]["nearest colours"]["recall@1"] == pytest.approx(0.75)
    assert found["product_to_product, kind"]["nearest colours"]["precision@1"] >= 0.5
    assert found["product_to_product, kind"]["TF-IDF"]["precision@1"] == 1.0
    assert "image_to_text" not in plain_searches(judged(catalog), catalog)
