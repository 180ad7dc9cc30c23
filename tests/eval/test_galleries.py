"""Rankings of an evaluation: cosines less half of what reaches an item anyway."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from product_matching.eval.galleries import BANK, Ranker
from product_matching.layers import Reach
from product_matching.metrics.reach import NEITHER, PICTURE, WORDS


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors():
    generator = np.random.default_rng(3)
    texts = unit(generator.normal(size=(80, 8)))
    return {"text": texts, "image": unit(texts + 0.8 * generator.normal(size=(80, 8)))}


def by_hand(items, own, bank, makes=None):
    near, wide = [], []
    for item, mine in zip(items, own, strict=True):
        others = sorted((float(item @ query) for query in bank if float(mine @ query) <= 0.9999), reverse=True)
        near.append(np.mean(others[:5]))
        wide.append(np.mean(others[:30]))
    near, wide, taken = np.array(near), np.array(wide), np.zeros(len(items))
    makes = np.zeros(len(items)) if makes is None else makes
    for make in np.unique(makes):
        of = makes == make
        taken[of] = near[of].mean() - near.mean() + 0.5 * (wide[of] - wide[of].mean())
    return taken


def test_ranks_by_cosines_less_half_of_the_reach_of_others(vectors):
    bank = vectors["text"][:60]  # the first 60 products were trained on, the others not
    ranker = Ranker({"text": bank})
    items = ranker.items(vectors["image"], {"text": vectors["text"]})
    scores = ranker.queries(vectors["text"], WORDS) @ items.T
    expected = vectors["text"] @ vectors["image"].T - by_hand(vectors["image"], vectors["text"], bank)
    assert scores == pytest.approx(expected, abs=1e-5)
    for sides in (NEITHER, PICTURE):  # no bank of pictures: nothing is known of them
        plain = ranker.queries(vectors["text"], sides) @ items.T
        assert plain == pytest.approx(vectors["text"] @ vectors["image"].T, abs=1e-6)


def test_no_product_gains_by_having_been_trained_on_or_loses_by_it(vectors):
    # Were its own text among its nearest, a product of the training would reach more than one of the test.
    texts = vectors["text"]
    ranker = Ranker({"text": texts[:40]})
    items = ranker.items(texts, {"text": texts})
    trained, unseen = -items[:40, 8], -items[40:, 8]
    assert abs(trained.mean() - unseen.mean()) < 0.02
    shared = np.concatenate([texts[:1], texts])  # two products of one text are left out for both
    doubled = ranker.items(shared, {"text": shared})
    assert doubled[0] == pytest.approx(doubled[1])


def test_makes_are_made_equal(vectors):
    texts, lone = vectors["text"], np.arange(80) < 20
    products = np.where(lone[:, None], texts, vectors["image"])
    table = pd.DataFrame({"image": np.where(lone, "", "a.jpg"), "title": "a"})
    bank = unit(texts[40:] + 0.3 * np.random.default_rng(5).normal(size=(40, 8)))
    ranker = Ranker({"text": bank})
    taken = -ranker.items(products, {"text": texts}, table)[:, 8]
    assert taken == pytest.approx(by_hand(products, texts, bank, lone), abs=1e-5)
    seen = np.arange(80) % 3 == 0
    taken = -ranker.items(products, {"text": texts}, table, seen=seen)[:, 8]
    assert taken == pytest.approx(by_hand(products, texts, bank, 2 * lone + seen), abs=1e-5)


def test_without_references_it_is_the_cosine(vectors):
    ranker = Ranker({})
    assert ranker.items(vectors["image"], {"text": vectors["text"]}) is vectors["image"]
    assert ranker.queries(vectors["text"], WORDS) is vectors["text"]


def test_a_model_brings_what_its_calibration_kept(vectors):
    reach = Reach(2000, 8)
    model = SimpleNamespace(head=SimpleNamespace(reach=reach))
    assert not Ranker.of(model).banks  # not calibrated yet
    reach.remember(vectors["image"], vectors["text"], 0.1)
    assert Ranker.of(model).banks["text"] == pytest.approx(vectors["text"])
    assert Ranker.of(model).banks["image"] == pytest.approx(vectors["image"])
    reach.remember(np.tile(vectors["image"], (20, 1)), vectors["text"], 0.1)
    assert len(Ranker.of(model).banks["image"]) == BANK
    assert not Ranker.of(SimpleNamespace(head=SimpleNamespace(reach=None))).banks
