import numpy as np
import pandas as pd
import pytest

from product_matching.dataset import Catalog, MatchPairs
from product_matching.dataset.fingerprints import ImageFacts
from product_matching.eval import Judgement, slice_metrics
from product_matching.eval.aims import aims
from product_matching.eval.slices import novelty_labels, slice_labels, worst_slices
from product_matching.metrics import RelevantRanks


@pytest.fixture
def catalog():
    """Sixty shoes, of which every third is judged wrongly, forty mugs, all right, two bags: too few to tell."""
    kinds = ["鞋"] * 60 + ["mug"] * 40 + ["bag"] * 2
    table = pd.DataFrame({
        "product_id": [str(i) for i in range(102)], "image": "a.jpg", "tags": "", "kind": kinds, "description": "",
        "title": ["红色跑鞋" + "长" * (i % 7) for i in range(60)] + ["a mug" + "x" * (i % 7) for i in range(42)],
        "price": [f"{1 + i} €" for i in range(102)],
    })  # fmt: skip
    return Catalog(table.astype(object))


@pytest.fixture
def judgement():
    rows = np.arange(102)
    pairs = MatchPairs(
        np.tile(rows, 2), np.concatenate([rows, rows[::-1]]), np.repeat([1, 0], 102), np.zeros(204, bool)
    )
    probabilities = np.repeat([0.8, 0.2], 102)
    probabilities[:60:3] = 0.1
    ranks = {"text_to_image": RelevantRanks.from_lists([[1 + (row < 60)] for row in rows])}
    return Judgement(pairs, probabilities, 0.5, rows, ranks, {"text_to_image": rows}, {"text_to_image": 102})


def test_slices_counted_by_hand(judgement, catalog):
    found = slice_metrics(judgement, catalog)
    assert list(found["kind"]) == ["鞋", "mug"]
    shoes, mugs = found["kind"]["鞋"], found["kind"]["mug"]
    # Of the two pairs of every third shoe, one is wrong.
    assert shoes["accuracy"] == pytest.approx(1 - 1 / 6)
    assert (shoes["products"], shoes["mrr"], shoes["recall@10"]) == (60, 0.5, 1.0)
    assert shoes["accuracy_interval"][0] < 5 / 6 < shoes["accuracy_interval"][1]
    assert (mugs["accuracy"], mugs["accuracy_interval"], mugs["mrr"]) == (1.0, [1.0, 1.0], 1.0)
    assert (shoes["below"], mugs["below"]) == (True, False)
    assert list(found["language of the text"]) == ["zh", "en"]
    assert sum(one["products"] for one in found["price"].values()) == 102
    assert [name.split()[0] for name in found["price"]] == ["lowest", "second", "third", "highest"]
    first = worst_slices(found)[0]
    assert first["accuracy"] <= shoes["accuracy"]


def test_what_is_new_to_the_training_is_told_apart(judgement, catalog):
    train = catalog.take(np.arange(60, 100))  # mugs alone
    found = slice_metrics(judgement, catalog, train=train)
    assert {name: one["products"] for name, one in found["kind, to the training"].items()} == {"new": 62, "known": 40}
    told = dict(novelty_labels(catalog, train))
    assert set(told["words of the title, to the training"].iloc[:60]) == {"some new"}
    assert set(told["words of the title, to the training"].iloc[60:100]) == {"known"}
    assert set(told["family, to the training"].iloc[60:100]) == {"known"}
    # Of one value alone there is nothing to compare.
    assert "kind, to the training" not in slice_metrics(judgement, catalog, train=catalog)


def test_pictures_by_size_or_too_small(catalog):
    def told(sides):
        images = {f"{i}.jpg": ImageFacts(side, 500, b"", b"") for i, side in enumerate(sides)}
        table = catalog.table.assign(image=[f"{i}.jpg" for i in range(102)])
        return dict(slice_labels(Catalog(table, images=images)))["shorter side of the picture"]

    assert told(range(100, 202)).iloc[0] == "smallest quarter (100 to 125.2)"
    assert told([64] * 30 + [256] * 72).value_counts().to_dict() == {"128 pixels or more": 72, "under 128 pixels": 30}


def test_quarters_are_those_of_pandas(catalog):
    labels = dict(slice_labels(catalog))["price"]
    wanted = pd.qcut(np.arange(1, 103), 4, labels=False)
    assert (pd.factorize(labels)[0] == wanted).all()
    assert labels.iloc[0] == "lowest quarter (1 to 26.25)"


def test_thresholds_are_not_measured_on_what_chose_them(judgement, catalog):
    # Labels that no score tells apart: whatever is chosen on one half is chance on the other.
    rng, rows, found = np.random.default_rng(0), np.arange(102), []
    for _ in range(20):
        noise = Judgement(judgement.pairs, rng.random(204), 0.5, rows, {}, {}, {})
        found.append(aims(noise, catalog)["best accuracy"]["accuracy"])
    assert np.mean(found) < 0.52
    clear = aims(judgement, catalog)
    assert clear["best accuracy"]["accuracy"] == pytest.approx(1 - 20 / 204)
    assert clear["precision 0.95 or more"]["precision"] == 1.0
    assert set(clear["by_category"]) == {"鞋", "mug", "bag"}
