"""`train-pairs`, `match` and `link` on generated listings: results, files, one clear line for each mistake."""

import json

import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from product_matching.bundle import load_bundle
from product_matching.cli import main
from product_matching.errors import BundleError

pytestmark = pytest.mark.slow

KINDS = ["mug", "lamp", "chair", "kettle", "红色杯子"]


def listing(number, *, other=False):
    """One of two ways of writing product `number`."""
    kind, code = KINDS[number % 5], f"{'qrst'[number % 4]}k{number:03d}"
    title = f"{code.upper()} {kind}, pikko" if other else f"Pikko {kind} {code[:2]}-{code[2:]}"
    return {"name": title, "price": "" if number % 3 else f"{10 + number}.99"}


def table(count, first):
    rows = []
    for row in range(count):
        a = (first + 7 * row) % 300
        b = a if row % 3 == 0 else (a + 20 * (1 + row % 5)) % 300
        left, right = listing(a), listing(b, other=True)
        rows.append(
            {f"l_{k}": v for k, v in left.items()} | {f"r_{k}": v for k, v in right.items()} | {"label": int(a == b)}
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    for name, count, first in (("train", 200, 0), ("valid", 80, 3), ("test", 120, 5)):
        table(count, first).to_csv(folder / f"{name}.csv", index=False)
    for name, other in (("left", False), ("right", True)):
        rows = [{"id": f"{name[0]}{i}", **listing(i, other=other)} for i in range(60)]
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    truth = pd.DataFrame({"left_id": [f"l{i}" for i in range(60)], "right_id": [f"r{i}" for i in range(60)]})
    truth.to_csv(folder / "truth.csv", index=False)
    return folder


def call(capsys, *arguments):
    """Runs a command with --json and returns the object it prints."""
    assert main([*map(str, arguments), "--json"]) == 0
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    return json.loads(output)


@pytest.fixture(scope="module")
def reranker(files):
    """A bundle of `train-pairs`, which found the prefixes by itself."""
    out = files / "bundle"
    words = ["train-pairs", files / "train.csv", "--valid", files / "valid.csv", "--out", out, "--encoder", "none"]
    assert main([*map(str, words)]) == 0
    return out


def test_the_manifest_tells_what_it_is(reranker):
    manifest = json.loads((reranker / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["kind"] == "pairs"
    assert manifest["columns"] == {"left": ["name", "price"], "right": ["name", "price"], "numeric": ["price"]}
    assert set(manifest["files"]) == {"model.keras"}
    assert manifest["metrics"]["validation"]["f1"] > 0.9
    assert len(load_bundle(reranker, kinds=("pairs",)).load_reranker().names) == len(manifest["comparisons"])


def test_match_keeps_the_order_and_measures(reranker, files, capsys):
    result = call(capsys, "match", reranker, files / "test.csv")
    labels = pd.read_csv(files / "test.csv")["label"]
    called = [pair["match"] for pair in result["pairs"]]
    assert [pair["row"] for pair in result["pairs"]] == list(range(2, 122))
    assert result["f1"] > 0.9
    assert result["f1"] == pytest.approx(f1_score(labels, called))
    assert result["precision"] == pytest.approx(precision_score(labels, called))
    assert result["recall"] == pytest.approx(recall_score(labels, called))
    assert all(pair["match"] == (pair["probability"] >= result["threshold"]) for pair in result["pairs"])


def test_match_without_labels_with_other_prefixes_and_columns(reranker, files, capsys):
    pairs = pd.read_csv(files / "test.csv", dtype=str, keep_default_na=False).drop(columns=["label", "l_price"])
    pairs.columns = [column.replace("l_", "a.").replace("r_", "b.") for column in pairs.columns]
    pairs["a.colour"] = "red"
    pairs.to_csv(files / "other.csv", index=False)
    assert main(["match", str(reranker), str(files / "other.csv"), "--left", "a.", "--right", "b."]) == 0
    captured = capsys.readouterr()
    assert "left column price, of the training, is not there" in captured.err
    assert "f1" not in captured.out


def test_link_finds_the_same_products(reranker, files, capsys):
    out = files / "links.csv"
    words = ["link", reranker, files / "left.csv", files / "right.csv", "--truth", files / "truth.csv"]
    result = call(capsys, *words, "--one-to-one", "--out", out)
    assert result["blocking_recall"] == 1.0
    assert result["f1"] > 0.9
    written = pd.read_csv(out)
    assert list(written.columns) == ["left_id", "right_id", "probability", "reason"]
    assert not written["left_id"].duplicated().any()
    assert written["reason"].str.contains("model number").any()
    assert len(written) == len(result["links"])


def test_link_within_one_table(reranker, files, capsys):
    twice = [{"id": f"x{i}", **listing(i % 5, other=i >= 5)} for i in range(10)]
    pd.DataFrame(twice).to_csv(files / "twice.csv", index=False)
    found = call(capsys, "link", reranker, files / "twice.csv")["links"]
    assert {tuple(sorted((one["left_id"], one["right_id"]))) for one in found} >= {("x0", "x5"), ("x4", "x9")}
    assert all(one["left_id"] != one["right_id"] for one in found)


def test_search_reads_its_first_results(tiny_bundle, reranker, files, tmp_path, capsys):
    ask = ["search", tiny_bundle, "--text", "red mug", "-k", "4"]
    assert main([*map(str, [*ask, "--rerank", reranker])]) == 2  # it knows names, not titles
    assert "name of the right side" in capsys.readouterr().err
    pairs = pd.read_csv(files / "train.csv").rename(columns={"l_name": "l_title", "r_name": "r_title"})
    pairs[["l_title", "r_title", "label"]].to_csv(tmp_path / "pairs.csv", index=False)
    out = tmp_path / "titles"
    words = [
        "train-pairs",
        tmp_path / "pairs.csv",
        "--valid",
        tmp_path / "pairs.csv",
        "--out",
        out,
        "--encoder",
        "none",
    ]
    assert main([*map(str, words)]) == 0
    capsys.readouterr()
    plain = call(capsys, *ask[:-1], "20")["results"]
    found = call(capsys, *ask[:-1], "20", "--rerank", out, "--rerank-top", "12")["results"]
    said = [one["parts"].get("reranker") for one in found]
    assert said[:12] == sorted(said[:12], reverse=True) and said[12:] == [None] * 8
    assert {one["product_id"] for one in found[:12]} == {one["product_id"] for one in plain[:12]}
    assert [one["product_id"] for one in found[12:]] == [one["product_id"] for one in plain[12:]]
    second = call(capsys, *ask, "--offset", "4", "--rerank", out, "--rerank-top", "12")["results"]
    assert [(one["product_id"], one["rank"]) for one in second] == [(o["product_id"], o["rank"]) for o in found[4:8]]


def test_link_with_a_bundle_of_products(tiny_bundle, tiny_shop, capsys):
    result = call(capsys, "link", tiny_bundle, tiny_shop.catalog, "--threshold", "0", "-k", "2", "--limit", "30")
    assert result["candidates"] == len(result["links"]) > 0
    pairs = {(one["left_id"], one["right_id"]) for one in result["links"]}
    assert len(pairs) == len(result["links"])


def test_match_takes_any_columns_with_a_bundle_of_products(tiny_bundle, files, capsys):
    result = call(capsys, "match", tiny_bundle, files / "test.csv")
    assert len(result["pairs"]) == 120
    assert {"accuracy", "precision", "recall", "f1"} <= result.keys()


def test_a_reranker_is_no_bundle_of_products(reranker):
    with pytest.raises(BundleError, match=r"written by `train-pairs`. This needs a bundle of `product-matching train`"):
        load_bundle(reranker)


HEAD = "l_name,r_name,label\n"


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        (HEAD + "a,b,1\nc,d,1\n", "pairs of label 1 alone"),
        (HEAD + "a,b,1\nc,d,yes\n", "row 3, column label: 'yes' is neither 0 nor 1"),
        (HEAD + "a,b,1\nc,d,2\n", "row 3, column label: '2' is neither 0 nor 1"),
        ("l_name,r_name\na,b\n", "no column 'label'"),
        ("l_id,r_id,label\n1,2,0\n3,4,1\n", "hold ids alone"),
        ("name,r_name,label\na,b,0\n", "no column that starts with 'left_'"),
        (HEAD, "no pairs"),
    ],
)
def test_a_mistake_in_the_pairs_is_one_clear_line(train, expected, files, tmp_path, capsys):
    path = tmp_path / "train.csv"
    path.write_text(train, encoding="utf-8")
    words = ["train-pairs", path, "--valid", files / "valid.csv", "--out", tmp_path / "out"]
    assert main([*map(str, words)]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["link", "{bundle}", "{dir}/left.csv", "--one-to-one"], "within one, a product may have several duplicates"),
        (["link", "{bundle}", "{dir}/left.csv", "-k", "0"], "k must be 1 or more"),
        (["link", "{bundle}", "{dir}/left.csv", "--threshold", "2"], "--threshold takes a probability"),
        (["link", "{bundle}", "{dir}/truth.csv"], "none of the columns name, price"),
        (["link", "{bundle}", "{dir}/left.csv", "--truth", "{dir}/left.csv"], "no column 'left_id'"),
        (["search", "{bundle}", "--text", "mug"], "written by `train-pairs`"),
        (["train-pairs", "{dir}/train.csv", "--valid", "{dir}/valid.csv", "--out", "{bundle}"], "--overwrite"),
        (
            ["train-pairs", "{dir}/train.csv", "--valid", "{dir}/valid.csv", "--out", "{dir}/x", "--epochs", "0"],
            "--epochs",
        ),
    ],
)
def test_a_mistake_is_one_clear_line(words, expected, reranker, files, capsys):
    assert main([word.format(bundle=reranker, dir=files) for word in words]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(lines) == 1
    assert expected in lines[0]
