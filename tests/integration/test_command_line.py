"""The command line, end to end, on a tiny shop: each command in turn, its JSON alone on standard output."""

import json
import subprocess
import sys
import time

import pandas as pd
import pytest

from product_matching.cli import main

pytestmark = pytest.mark.slow


def call(capsys, *arguments):
    """Runs a command with --json and returns the object it prints."""
    assert main([*map(str, arguments), "--json"]) == 0
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    return json.loads(output)


@pytest.fixture(scope="module")
def bundle(tiny_shop, tmp_path_factory):
    """A bundle made by the command line."""
    out = tmp_path_factory.mktemp("bundles") / "shop"
    words = ["train", str(tiny_shop.catalog), "--out", str(out), "--config", "tiny", "--set", "train.epochs=1"]
    assert main([*words, "--set", "split.val=0.2", "--set", "split.test=0.2"]) == 0
    assert main(["index", str(out), str(tiny_shop.catalog)]) == 0
    return out


def test_train_leaves_a_manifest_that_tells_how(bundle):
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["config"]["train"]["epochs"] == 1
    assert manifest["split"]["seed"] == 0
    assert sum(manifest["split"][f"{part}_products"] for part in ("train", "val", "test")) == manifest["data"]["rows"]
    assert len(manifest["history"]["loss"]) == 1
    assert 0 <= manifest["metrics"]["validation"]["accuracy"] <= 1


def test_evaluate_has_the_names_that_scripts_read(bundle, tiny_shop, capsys):
    result = call(capsys, "evaluate", bundle, tiny_shop.catalog, "--interactions", tiny_shop.interactions)
    for name in ("accuracy", "precision", "recall", "f1", "auc", "threshold"):
        assert isinstance(result[name], float)
    for direction in ("text_to_image", "image_to_text", "text_to_product"):
        expected = {"recall@1", "recall@5", "recall@10", "mrr", "ndcg@10", "queries", "gallery"}
        assert set(result[direction]) == expected | {"map", "precision@10", "intervals"}
    assert set(result["baselines"]) == {"chance", "only kind", "only colour"}
    for name in ("image_to_product", "photo_text_to_product"):
        assert result[name]["note"]
        assert result["whole_catalogue"][name]["gallery"] > result[name]["gallery"]
    assert {"kind", "family"} >= set(result["product_to_product"])
    assert set(result["tag_to_image"]) == {"kind", "colour", "tags"}
    assert {"TF-IDF", "popularity"} == set(result["plain_searches"]["text_to_product"])
    assert "nearest colours" in result["plain_searches"]["image_to_text"]
    assert {"brier", "ece", "thresholds", "slices", "worst_slices", "confusions"} <= set(result)
    assert json.loads((bundle / "report" / "metrics.json").read_text(encoding="utf-8"))["f1"] == result["f1"]
    assert "<h1>" in (bundle / "report" / "index.html").read_text(encoding="utf-8")


def test_evaluate_against_another_bundle(bundle, tiny_shop, capsys):
    found = call(capsys, "evaluate", bundle, tiny_shop.catalog, "--against", bundle)["against"]["metrics"]
    assert {row["difference"] for row in found.values()} == {0.0}
    assert main(["evaluate", str(bundle), str(tiny_shop.catalog), "--precision", "2"]) == 2


def test_search_by_words_picture_both_and_filter(bundle, tiny_shop, capsys):
    image = next((tiny_shop.catalog.parent / "images").rglob("*.jpg"))
    for words in (
        ["--text", "red mug"],
        ["--text", "红色马克杯"],
        ["--image", image],
        ["--text", "red", "--image", image],
    ):
        results = call(capsys, "search", bundle, *words, "-k", "5")["results"]
        assert [hit["rank"] for hit in results] == [1, 2, 3, 4, 5]
        scores = [hit["score"] for hit in results]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= hit["probability"] <= 1 for hit in results)
    results = call(capsys, "search", bundle, "--text", "mug", "--filter", "colour=red", "--filter", "price<500")[
        "results"
    ]
    assert results
    assert {hit["attributes"]["colour"] for hit in results} == {"red"}


def test_match_keeps_the_order_and_measures_labels(bundle, tiny_shop, tmp_path, capsys):
    table = pd.read_csv(tiny_shop.catalog, keep_default_na=False, dtype=str)
    table = table[(table["image"] != "") & (table["title"] != "")].head(6)
    pairs = pd.DataFrame(
        {
            "l_image": table["image"],
            "l_kind": table["kind"],
            "r_name": list(table["title"][:3]) * 2,
            "label": [1] * 3 + [0] * 3,
        }
    )
    path = tiny_shop.catalog.parent / "pairs.csv"
    pairs.to_csv(path, index=False)
    result = call(capsys, "match", bundle, path, "--left", "l_", "--right", "r_")
    certain = call(capsys, "match", bundle, path, "--left", "l_", "--right", "r_", "--aim", "cost=1000")
    kinds = call(capsys, "match", bundle, path, "--left", "l_", "--right", "r_", "--by-category", "l_kind")
    assert main(["match", str(bundle), str(path), "--left", "l_", "--right", "r_", "--aim", "best"]) == 2
    path.unlink()
    own = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["thresholds"]["by_category"]
    assert certain["threshold"] >= result["threshold"]
    for pair, kind in zip(kinds["pairs"], table["kind"], strict=True):
        assert pair["match"] == (pair["probability"] >= own.get(kind, result["threshold"]))
    assert len(result["pairs"]) == 6
    assert {"probability", "match"} <= set(result["pairs"][0])
    right = [pair["match"] == bool(label) for pair, label in zip(result["pairs"], pairs["label"], strict=True)]
    assert result["accuracy"] == pytest.approx(sum(right) / 6)


def test_match_by_product_ids_reads_the_index(bundle, tmp_path, capsys):
    path = tmp_path / "pairs.csv"
    path.write_text("left_product_id,right_product_id\nP00003,P00003\nP00003,P00004\n", encoding="utf-8")
    same, other = call(capsys, "match", bundle, path)["pairs"]
    assert same["score"] > other["score"]


def test_the_demo_runs_on_a_small_shop(tmp_path, capsys):
    words = ["demo", "--out", tmp_path, "--products", "300", "--config", "tiny", "--set", "train.epochs=1"]
    result = call(capsys, *words)
    assert (tmp_path / "searches.png").is_file()
    assert len(result["searches"]) == 3
    assert result["seconds"].keys() >= {"train", "export the bundle", "search"}
    assert "only colour" in result["evaluation"]["baselines"]
    recommendation = result["recommendation"]
    assert (tmp_path / "recommendations.png").is_file()
    assert recommendation["models"].keys() == {"hybrid", "popularity"}
    for shopper in recommendation["shoppers"]:
        hits = shopper["recommended"]
        assert len(hits) == 6
        assert {hit["because"]["product_id"] for hit in hits} <= {*shopper["bought"], None}
    again = call(capsys, "recommend", tmp_path / "1", "--user", "U0001", "-k", "6")["results"]
    first = recommendation["shoppers"][0]["recommended"]
    assert [(hit["product_id"], hit["because"]) for hit in again] == [
        (hit["product_id"], hit["because"]) for hit in first
    ]


# Stopping, going on, starting from a bundle ---------------------------------------------------------------------------


def _run(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "product_matching", *map(str, words)], stderr=subprocess.PIPE, text=True
    )


def test_a_killed_training_goes_on(tiny_shop, tmp_path):
    command = ["train", tiny_shop.catalog, "--out", tmp_path / "shop", "--config", "tiny", "--set", "train.epochs=2"]
    state = tmp_path / ".shop.training" / "training.npz"
    process = _run(*command)
    while not state.is_file():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert not (tmp_path / "shop").exists()
    again = _run(*command, "--resume")
    told = again.communicate()[1]
    assert again.returncode == 0, told
    assert "epoch 1/2" not in told
    assert "epoch 2/2" in told
    assert not state.parent.exists()
    history = json.loads((tmp_path / "shop" / "manifest.json").read_text(encoding="utf-8"))["history"]
    assert len(history["loss"]) == 2


def test_a_bundles_model_learns_on(bundle, tiny_shop, tmp_path):
    words = ["train", tiny_shop.catalog, "--out", tmp_path / "on", "--config", "tiny", "--init", bundle]
    process = _run(*words, "--set", "train.epochs=1", "--set", "text.layers=3", "--set", "train.devices=all")
    told = process.communicate()[1]
    assert process.returncode == 0, told
    assert "were known to it" not in told
    before, after = (
        json.loads((folder / "manifest.json").read_text(encoding="utf-8")) for folder in (bundle, tmp_path / "on")
    )
    assert after["config"]["text"] == before["config"]["text"]
    assert after["history"]["loss"][0] < before["history"]["loss"][0]
