import json

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from product_matching.bundle import load_bundle
from product_matching.config import load_config
from product_matching.dataset import Catalog, MatchPairs, match_pairs
from product_matching.deploy import export
from product_matching.errors import DataError
from product_matching.eval import (
    calibrate,
    calibration,
    embed_catalog,
    evaluate,
    judge,
    judgement,
    summarise,
    whole_catalogue,
    write_report,
)
from product_matching.eval.baselines import attribute_baseline, baseline_columns, chance_baseline
from product_matching.eval.embedding import embed_titles, embed_words
from product_matching.metrics import threshold_for
from product_matching.model import build_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


@pytest.fixture(scope="module")
def test_part(trained):
    return trained[3]


@pytest.fixture(scope="module")
def report(model, test_part):
    return evaluate(model, test_part)


@pytest.fixture(scope="module")
def views(model, test_part):
    return embed_catalog(model, test_part)


@pytest.fixture(scope="module")
def decided(model, test_part, views):
    """Pairs, and the probabilities that the definition gives them."""
    pairs, head = match_pairs(test_part, seed=0), model.head.parameters()
    inner = np.sum(views["image"][pairs.image].astype(float) * views["text"][pairs.text], axis=1)
    scores = head["temperature"] * inner + head["bias"]
    return pairs, 1 / (1 + np.exp(-(head["scale"] * scores + head["offset"]))), head["threshold"]


def test_matching_equals_scikit_learn(report, decided):
    pairs, probabilities, threshold = decided
    called = probabilities >= threshold
    precision, recall, f1, _ = sk.precision_recall_fscore_support(pairs.label, called, average="binary")
    hand = {"accuracy": sk.accuracy_score(pairs.label, called), "precision": precision, "recall": recall, "f1": f1}
    hand |= {"auc": sk.roc_auc_score(pairs.label, probabilities), "threshold": threshold, "pairs": len(pairs)}
    assert {name: report[name] for name in hand} == pytest.approx(hand, abs=1e-6)


def test_accuracy_within_a_kind_is_that_of_hard_pairs_and_true_ones(report, decided):
    pairs, probabilities, threshold = decided
    right = (probabilities >= threshold) == (pairs.label == 1)
    hand = (right[pairs.label == 1].mean() + right[pairs.hard].mean()) / 2
    assert report["accuracy_same_kind"] == pytest.approx(hand)


def test_accuracy_lies_in_its_interval(report):
    low, high = report["accuracy_interval"]
    assert 0 <= low <= report["accuracy"] <= high <= 1
    assert high - low < 0.5


def retrieval(queries, gallery, query_groups, gallery_groups):
    """Ranks by sorting, a query at a time."""
    scores, relevant = queries.astype(float) @ gallery.T.astype(float), query_groups[:, None] == gallery_groups
    first = np.array([
        1 + np.flatnonzero(hit[np.argsort(-line)])[0] for line, hit in zip(scores, relevant, strict=True)
    ])  # fmt: skip
    return {
        **{f"recall@{k}": np.mean(first <= k) for k in (1, 5, 10)},
        "mrr": np.mean(1 / first),
        "ndcg@10": sk.ndcg_score(relevant, scores, k=10),
        "queries": len(queries),
        "gallery": len(gallery),
    }


@pytest.mark.parametrize(
    ("direction", "query", "gallery"), [("text_to_image", "text", "image"), ("image_to_text", "image", "text")]
)
def test_retrieval_equals_sorting(report, views, test_part, direction, query, gallery):
    table = test_part.table
    rows = ((table["image"] != "") & (table["title"] + table["description"] != "")).to_numpy()
    groups = test_part.groups()[rows]
    hand = retrieval(views[query][rows], views[gallery][rows], groups, groups)
    assert {name: report[direction][name] for name in hand} == pytest.approx(hand)


def test_retrieval_by_title_equals_sorting(report, views, model, test_part):
    titled, groups = (test_part.table["title"] != "").to_numpy(), test_part.groups()
    titles = embed_titles(model, test_part)[titled]
    hand = retrieval(titles, views["product"], groups[titled], groups)
    assert {name: report["text_to_product"][name] for name in hand} == pytest.approx(hand)


def test_photos_and_titles_ask_as_products_that_have_nothing_else(report, model, views, test_part):
    table, groups = test_part.table, test_part.groups()
    rows = ((table["image"] != "") & (table["title"] != "")).to_numpy()
    bare = embed_catalog(model, Catalog(table.assign(description="", tags=""), root=test_part.root))
    for name, view in (("image_to_product", "image"), ("photo_text_to_product", "product")):
        hand = retrieval(bare[view][rows], views["product"], groups[rows], groups)
        assert {key: report[name][key] for key in hand} == pytest.approx(hand)
        assert report[name]["note"].startswith(f"0 of {rows.sum()} are a second one")


def test_the_like_of_a_product_counted_by_sorting(report, views, test_part):
    kinds, groups, precision = test_part.table["kind"].to_numpy(), test_part.groups(), []
    for row, vector in enumerate(views["product"]):
        others = np.flatnonzero(groups != groups[row])
        best = others[np.argsort(-(views["product"][others] @ vector), kind="stable")][:10]
        if (kinds[others] == kinds[row]).any():
            precision.append((kinds[best] == kinds[row]).sum() / 10)
    found = report["product_to_product"]["kind"]
    assert (found["precision@10"], found["queries"]) == (pytest.approx(np.mean(precision)), len(precision))


def test_words_for_a_colour_are_asked_among_products_and_pictures(report, model, views, test_part):
    colours = test_part.table["colour"]
    asked = [colour for colour, count in colours.value_counts().items() if count > 1 and colour]
    for name, rows in (
        ("product", np.arange(len(test_part))),
        ("image", np.flatnonzero(test_part.table["image"] != "")),
    ):
        hits = []
        for colour, vector in zip(asked, embed_words(model, asked), strict=True):
            best = rows[np.argsort(-(views[name][rows] @ vector), kind="stable")][:10]
            hits.append((colours.to_numpy()[best] == colour).sum() / 10)
        assert report[f"tag_to_{name}"]["colour"]["precision@10"] == pytest.approx(np.mean(hits))
    assert {"kind", "colour", "tags"} == set(report["tag_to_product"])


def test_among_the_whole_catalogue_the_same_is_asked_of_more_products(model, trained, test_part, views):
    judged = judge(model, test_part, views=views)
    whole = Catalog(pd.concat([trained[1].table, test_part.table]), root=test_part.root)
    found = whole_catalogue(judged, test_part, whole, embed_catalog(model, whole))
    assert found["products"] == found["text_to_product"]["gallery"] == len(whole)
    alone = summarise(judged, test_part)
    for name in ("text_to_image", "text_to_product", "photo_text_to_product"):
        assert found[name]["queries"] == alone[name]["queries"]
        assert found[name]["mrr"] <= alone[name]["mrr"]
    again = whole_catalogue(judged, test_part, test_part, views)
    assert again["image_to_product"] == alone["image_to_product"]


def test_title_alone_is_a_product_that_has_nothing_else(model, test_part):
    bare = test_part.table.assign(image="", description="", tags="")
    alone = embed_catalog(model, Catalog(bare))["product"]
    np.testing.assert_allclose(embed_titles(model, test_part), alone, atol=1e-5)


def test_batches_of_the_embedding_do_not_matter(model, test_part, views):
    for name, vectors in embed_catalog(model, test_part, batch_size=7).items():
        np.testing.assert_allclose(vectors, views[name], atol=1e-5)


def test_order_of_the_products_does_not_matter_to_their_vectors(model, test_part, views):
    order = np.random.default_rng(0).permutation(len(test_part))
    np.testing.assert_allclose(
        embed_catalog(model, test_part.take(order))["product"], views["product"][order], atol=1e-5
    )


def test_report_is_written_and_read_back(report, tmp_path):
    write_report(tmp_path / "report", {"类": "old"})
    write_report(tmp_path / "report", report)
    assert json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8")) == report


def test_report_names_the_products_and_baselines(report, test_part):
    assert report["products"] == len(test_part)
    assert set(report["baselines"]) == {"chance", "only kind", "only colour"}


# Baselines of six products: three mugs, two bags, a shoe --------------------------------------------------------------

PAIRS = MatchPairs(
    image=np.array([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]),
    text=np.array([0, 1, 2, 3, 4, 5, 1, 3, 0, 4, 5, 0]),
    label=np.repeat([1, 0], 6),
    hard=np.array([False] * 6 + [True, False, True, True, False, False]),
)


@pytest.fixture
def six():
    table = pd.DataFrame({
        "product_id": list("123456"), "image": ["a.jpg"] * 6, "title": ["杯 1", "杯 2", "mug", "bag", "包", "shoe"],
        "description": [""] * 6, "tags": [""] * 6, "kind": ["mug", "mug", "mug", "bag", "bag", "shoe"],
        "Colour": ["red", "blue", "red", "blue", "red", "blue"],
    })  # fmt: skip
    return Catalog(table.astype(object))


def test_one_attribute_counted_by_hand(six):
    found = attribute_baseline(six, "kind", PAIRS, np.arange(6), six.groups())
    # All six true pairs agree, and three of six false ones.
    hand = {"accuracy": 9 / 12, "precision": 6 / 9, "recall": 1.0, "f1": 12 / 15, "auc": 0.75}
    assert {name: found[name] for name in hand} == pytest.approx(hand)
    # Whatever the order of ties, mugs stand at ranks 1, 2, 3, bags at 1, 2 and the shoe at 1.
    mean_reciprocal = ((1 + 1 / 2 + 1 / 3) + (1 + 1 / 2) + 1) / 6
    hand = {"recall@1": 3 / 6, "recall@5": 1.0, "recall@10": 1.0, "mrr": mean_reciprocal, "queries": 6, "gallery": 6}
    assert {name: found["text_to_image"][name] for name in hand} == pytest.approx(hand)


def test_other_attribute_counted_by_hand(six):
    found = attribute_baseline(six, "Colour", PAIRS, np.arange(6), six.groups())
    # Of the false pairs, 2-4 and 3-1 agree: blue and blue, red and red.
    assert found["accuracy"] == pytest.approx(10 / 12)
    assert found["precision"] == pytest.approx(6 / 8)


def test_chance_counted_by_hand(six):
    found = chance_baseline(PAIRS, np.arange(6), six.groups())
    assert {name: found[name] for name in ("accuracy", "auc")} == {"accuracy": 0.5, "auc": 0.5}
    # One random order for all: the wanted ones stand at ranks 1 to 6.
    assert found["text_to_image"]["mrr"] == pytest.approx(sum(1 / rank for rank in range(1, 7)) / 6)
    assert found["text_to_image"]["recall@5"] == pytest.approx(5 / 6)


def test_columns_to_compare_with(six):
    assert baseline_columns(six) == ["kind", "Colour"]
    assert baseline_columns(six, "tags") == ["tags", "Colour"]
    assert baseline_columns(Catalog(six.table.drop(columns=["kind", "Colour"]))) == []


# Calibration ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def clear_views(model, trained, monkeypatch):
    """Views of validation products as a better model gives them: noisy, but texts lie near their images."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(len(trained[2]), model.dim))
    drawn = {"image": images, "text": images + 1.5 * rng.normal(size=images.shape), "product": images}
    drawn = {
        name: (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32") for name, rows in drawn.items()
    }
    for module in (calibration, judgement):
        monkeypatch.setattr(module, "embed_catalog", lambda *_, **__: drawn)
    return drawn


@pytest.fixture
def calibrated(model, trained, clear_views):
    before = model.head.parameters()
    returned = calibrate(model, trained[2]).head
    yield before, returned, model.head.parameters()
    model.head.calibrate(before["scale"], before["offset"], before["threshold"])


@pytest.fixture
def asked(calibrated, clear_views, trained):
    """Labels and scores of the pairs that the calibration was fitted on: of some 30 products, ten draws."""
    draws, head = [match_pairs(trained[2], seed=seed) for seed in range(10)], calibrated[2]
    images, texts = (np.concatenate([getattr(pairs, side) for pairs in draws]) for side in ("image", "text"))
    inner = np.sum(clear_views["image"][images].astype(float) * clear_views["text"][texts], axis=1)
    return np.concatenate([pairs.label for pairs in draws]), head["temperature"] * inner + head["bias"]


def test_an_isotonic_curve_is_that_of_scikit_learn_and_is_kept_in_the_bundle(trained, clear_views, tmp_path):
    config = load_config("tiny", ["model.calibration=isotonic"])
    model = build_model(config, trained[1])
    thresholds = calibrate(model, trained[2]).thresholds
    draws = MatchPairs.joined([match_pairs(trained[2], seed=seed) for seed in range(10)])
    scores = calibration.pair_evidence(model, clear_views, draws)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, draws.label).predict(scores)
    found = calibration.evidence_probability(model, scores)
    np.testing.assert_allclose(found, theirs, atol=1 / len(draws))
    assert threshold_for(thresholds, "accuracy") == pytest.approx(model.head.parameters()["threshold"])
    head = load_bundle(export(model, tmp_path / "curved" / "1", manifest={"thresholds": thresholds})).head
    np.testing.assert_allclose(head.probability(scores), found, atol=1e-6)
    again = keras.saving.load_model(tmp_path / "curved" / "1" / "model.keras", compile=False)
    assert again.head.curve_points() == model.head.curve_points()


def test_calibration_changes_scale_offset_and_threshold_alone(calibrated):
    before, returned, after = calibrated
    assert after == returned
    assert (after["temperature"], after["bias"]) == (before["temperature"], before["bias"])
    assert all(after[name] != before[name] for name in ("scale", "offset", "threshold"))
    assert after["scale"] > 0
    assert 0 <= after["threshold"] <= 1


def test_threshold_is_the_most_accurate_one_on_the_pairs_it_was_chosen_on(calibrated, asked):
    labels, scores = asked
    head = calibrated[2]
    best = max(np.mean((scores >= cut) == labels) for cut in [*scores, scores.max() + 1])
    chosen = 1 / (1 + np.exp(-(head["scale"] * scores + head["offset"]))) >= head["threshold"]
    assert 0.8 < best < 1
    assert np.mean(chosen == labels) == pytest.approx(best)


def test_calibrated_probabilities_are_those_of_a_logistic_regression(calibrated, asked):
    labels, scores = asked
    head = calibrated[2]
    found = 1 / (1 + np.exp(-(head["scale"] * scores + head["offset"])))
    # Platt's targets (n + 1) / (n + 2) and 1 / (n + 2) are each pair asked twice, yes and no, with these weights.
    yes = np.where(labels == 1, labels.sum() + 1, 1) / (labels.sum() + 2)
    twice, answers = np.tile(scores, 2)[:, None], np.repeat([1, 0], len(scores))
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(twice, answers, sample_weight=np.concatenate([yes, 1 - yes]))
    np.testing.assert_allclose(found, reference.predict_proba(scores[:, None])[:, 1], atol=1e-4)


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [evaluate, calibrate])
def test_too_few_products_are_a_clear_error(measure, model, test_part):
    for rows in (np.arange(0), np.arange(1)):
        with pytest.raises(DataError, match="two different products"):
            measure(model, test_part.take(rows))


def test_catalogue_without_images_is_a_clear_error(model, test_part):
    with pytest.raises(DataError, match="image and text"):
        evaluate(model, Catalog(test_part.table.assign(image="")))


@pytest.mark.parametrize("measure", [evaluate, calibrate])
def test_unknown_category_offers_the_nearest(measure, model, test_part):
    with pytest.raises(DataError, match="Did you mean 'kind'"):
        measure(model, test_part, category="kinds")


def test_references_are_training_products_and_change_the_probabilities(model, trained, clear_views):
    before = model.head.parameters()
    plain = calibrate(model, trained[2]).head
    told = calibrate(model, trained[2], references=trained[1]).head
    banks = np.asarray(model.head.reach.references)
    assert np.isin(np.round(banks[0][banks[0].any(axis=1)], 5), np.round(clear_views["image"], 5)).all()
    assert told["typical_reach"] > plain["typical_reach"] == 0
    assert told["offset"] != plain["offset"]
    model.head.reach.remember(banks[0] * 0, banks[1] * 0, 0.0)
    model.head.calibrate(before["scale"], before["offset"], before["threshold"])
