"""The commands of recommendation, on a tiny shop."""

import json
import shutil

import pytest

from product_matching.cli import main


def call(capsys, *arguments):
    """Runs a command with --json and returns the object it prints."""
    assert main([*map(str, arguments), "--json"]) == 0
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    return json.loads(output)


@pytest.fixture(scope="module")
def bundle(tiny_bundle, tmp_path_factory):
    """A bundle with an index and no recommender."""
    folder = tmp_path_factory.mktemp("bundle") / "1"
    shutil.copytree(tiny_bundle, folder)
    return folder


@pytest.fixture(scope="module")
def with_recommender(bundle, tiny_shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "1"
    shutil.copytree(bundle, folder)
    words = ["train-recommender", folder, tiny_shop.interactions, "--model", "item-knn", "--set", "neighbours=50"]
    assert main([*map(str, words), "--json"]) == 0
    return folder


def test_training_tells_what_it_did(bundle, tiny_shop, tmp_path, capsys):
    shutil.copytree(bundle, tmp_path / "1")
    words = ["--set", 'sources=["item-knn", "content", "popularity"]', "--set", "rounds=5", "--set", "threads=1"]
    result = call(capsys, "train-recommender", tmp_path, tiny_shop.interactions, *words)
    assert result["model"] == "hybrid"
    assert (result["users"], result["products"], result["rejected"]) == (20, 160, 0)
    assert 0 <= result["metrics"]["hr@10"] <= 1
    hits = call(capsys, "recommend", tmp_path, "--user", "U0001", "-k", "5")["results"]
    assert len(hits) == 5


def test_a_known_shopper_gets_ranked_products(with_recommender, capsys):
    hits = call(capsys, "recommend", with_recommender, "--user", "U0003", "-k", "7")["results"]
    assert [hit["rank"] for hit in hits] == list(range(1, 8))
    scores, probabilities = ([hit[name] for hit in hits] for name in ("score", "probability"))
    assert scores == sorted(scores, reverse=True)
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= p <= 1 for p in probabilities)
    assert all({"kind", "price"} <= set(hit["attributes"]) for hit in hits)
    assert {hit["because"]["source"] for hit in hits} == {"item-knn"}


def test_a_history_and_filters(with_recommender, capsys):
    words = ["recommend", with_recommender, "--history", "P00003, P00010,P00011", "-k", "160"]
    hits = call(capsys, *words, "--filter", "price<30")["results"]
    assert hits
    assert all(float(hit["attributes"]["price"]) < 30 for hit in hits)
    assert not {"P00003", "P00010", "P00011"} & {hit["product_id"] for hit in hits}


def test_an_unknown_shopper_is_told(with_recommender, capsys):
    assert main(["recommend", str(with_recommender), "--user", "nobody"]) == 0
    captured = capsys.readouterr()
    assert "does not know the user 'nobody'" in captured.err
    assert "probability" in captured.out


def test_without_a_recommender_a_history_is_compared_by_content(bundle, capsys):
    hits = call(capsys, "recommend", bundle, "--history", "P00003", "-k", "3")["results"]
    assert len(hits) == 3
    assert all(0 <= hit["probability"] <= 1 for hit in hits)


def test_the_evaluation_has_the_names_that_scripts_read(tiny_shop, bundle, capsys):
    words = ["evaluate-recommendation", tiny_shop.interactions, "--models", "popularity,item-knn,content"]
    result = call(capsys, *words, "--bundle", bundle)
    assert set(result["models"]) == {"popularity", "item-knn", "content"}
    for metrics in result["models"].values():
        assert {"hr@10", "ndcg@10", "mrr", "coverage", "gini", "novelty", "intervals", "slices"} <= set(metrics)
    words.insert(2, tiny_shop.catalog)
    result = call(capsys, *words, "--split", "global-time", "--on", "valid")
    assert set(result["models"]) == {"popularity", "item-knn"}
    assert "needs product vectors" in result["skipped"]["content"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["recommend", "{bundle}", "--user", "U0001"], "train-recommender"),
        (["recommend", "{bundle}", "--history", "P00001", "-k", "0"], "-k takes"),
        (["recommend", "{dir}/nowhere", "--user", "u"], "There is no bundle"),
        (["train-recommender", "{bundle}", "{dir}/nowhere.csv"], "There is no table"),
        (["train-recommender", "{bundle}", "{shop}", "--model", "itemknn"], "Did you mean 'item-knn'"),
        (["train-recommender", "{bundle}", "{shop}", "--set", "candidate=3"], "Did you mean 'candidates'"),
        (["train-recommender", "{bundle}", "{shop}", "--set", "candidates"], "OPTION=VALUE"),
        (["train-recommender", "{bundle}", "{shop}", "--event-weight", "purchase=-1"], "EVENT=WEIGHT"),
        (["train-recommender", "{bundle}", "{shop}", "--column", "product_id=item"], "no column 'item'"),
        (["evaluate-recommendation", "{shop}", "--models", "knn"], "Unknown recommender 'knn'"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_2(arguments, expected, bundle, tiny_shop, tmp_path, capsys):
    places = {"bundle": bundle, "dir": tmp_path, "shop": tiny_shop.interactions}
    assert main([argument.format(**places) for argument in arguments]) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("product-matching: error: ")]
    assert captured.out == ""
    assert len(lines) == 1
    assert expected in lines[0]
