import ast
import configparser
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import __main__ as harness
from benchmarks.harness import running
from benchmarks.harness.plotting import plot
from benchmarks.harness.records import joined
from benchmarks.harness.registry import BENCHMARKS, FOLDER, about
from benchmarks.harness.rendering import PAGES, cell, render, table
from product_matching.config import load_config
from product_matching.dataset import Catalog

ROWS = [{"way": "a", "accuracy": 0.9514, "interval": [0.94, 0.96], "seconds": 1234.5}, {"way": "b", "accuracy": 1.25}]
RECORD = {
    "command": "python -m benchmarks run toy", "date": "2026-01-02", "seconds": 12.3, "rows": ROWS,
    "machine": {"cores": 2, "load_before": 0.1},
}  # fmt: skip


def test_every_benchmark_says_what_it_asks_and_how_long_it_takes():
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__main__", "figures", "peers", "vectors"}
    assert modules == set(BENCHMARKS)
    for name in BENCHMARKS:
        question, time = about(name)
        assert question.endswith((".", "?"))
        assert time


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(0.9514, ".951"), (1.25, "1.25"), (1234.5, "1,234"), (7, "7"), (-0.5, "-0.500"), (None, ""), ("x", "x")],
        *[([0.94, 0.96], "(.940 to .960)"), (True, "True"), ([1, 2, 3], "1, 2, 3")],
    ],
)
def test_values_are_written_for_people(value, text):
    assert cell(value) == text


def test_a_table_has_a_column_for_each_name():
    lines = table(ROWS).splitlines()
    assert lines == [
        "| way | accuracy | interval | seconds |",
        "| --- | --- | --- | --- |",
        "| a | .951 | (.940 to .960) | 1,234 |",
        "| b | 1.25 |  |  |",
    ]
    assert table(ROWS, ["seconds", "way"]).splitlines()[2] == "| 1,234 | a |"


def test_places_of_a_page_are_brought_up_to_date_and_the_rest_is_left(tmp_path):
    (tmp_path / "toy.json").write_text(json.dumps(RECORD), encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- benchmark: toy way, accuracy -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    assert render([page], results=tmp_path, write=False) == [page]
    assert "old" in page.read_text(encoding="utf-8")
    assert render([page], results=tmp_path) == [page]
    text = page.read_text(encoding="utf-8")
    assert text.startswith(
        "before\n<!-- benchmark: toy way, accuracy -->\n`python -m benchmarks run toy`, 2026-01-02, 12 s"
    )
    assert text.endswith("| a | .951 |\n| b | 1.25 |\n<!-- end -->\nafter\n")
    assert render([page], results=tmp_path) == []


def test_a_place_joins_records(tmp_path):
    for name in ("toy", "more"):
        kept = RECORD | {"command": name, "rows": [{"way": name}]}
        (tmp_path / f"{name}.json").write_text(json.dumps(kept), encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text("<!-- benchmark: toy+more way -->\n<!-- end -->\n", encoding="utf-8")
    render([page], results=tmp_path)
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines[1:3]] == ["`toy`", "`more`"]
    assert lines[-3:-1] == ["| toy |", "| more |"]


def test_a_way_that_was_measured_again_stands_in_its_old_place_with_the_new_figures():
    first, again = ({"rows": [{"way": way, "mrr": mrr} for way in ways]} for ways, mrr in (("ab", 1), ("ca", 2)))
    assert [(row["way"], row["mrr"]) for row in joined([first, again])] == [("a", 2), ("b", 1), ("c", 2)]
    twice = {"rows": [{"way": "a", "products": 50}, {"way": "a", "products": 200}]}
    assert joined([twice]) == twice["rows"]


def test_all_that_the_benchmarks_import_is_installed_by_their_requirements():
    root = FOLDER.parent
    setup = configparser.ConfigParser()
    setup.read(root / "setup.cfg", encoding="utf-8")
    lines = (FOLDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    extras = next(line for line in lines if line.startswith("-e")).partition("[")[2].rstrip("]").split(",")
    lines += setup["options"]["install_requires"].splitlines()
    lines += [line for extra in extras for line in setup["options.extras_require"][extra].splitlines()]
    installed = {re.split(r"[^\w-]", line)[0].lower().replace("-", "_") for line in lines}
    named = {"sklearn": "scikit_learn", "faiss": "faiss_cpu", "PIL": "pillow", "pydantic": "fastapi"}
    ours = {"benchmarks", "product_matching", *sys.stdlib_module_names}
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in FOLDER.rglob("*.py"))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    found = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {name.partition(".")[0] for name in found} - ours
    assert {named.get(name, name) for name in roots} - installed == set()
    assert roots >= {"torch", "lenskit", "hnswlib"}


def test_the_pages_hold_what_the_records_say():
    assert render(PAGES, write=False) == []


def test_quality_is_drawn_over_time(tmp_path):
    rows = [
        {"way": "a", "seconds": 10, "accuracy": 0.9, "accuracy_interval": [0.8, 0.95]},
        {"way": "b", "accuracy": 0.5},
    ]
    (tmp_path / "toy.json").write_text(json.dumps(RECORD | {"name": "toy", "rows": rows}), encoding="utf-8")
    drawn = plot([tmp_path / "toy.json"] * 2, tmp_path / "toy.svg", quality="accuracy").read_text(encoding="utf-8")
    assert drawn.count("<!-- a -->") == 1
    assert "<!-- b -->" not in drawn
    with pytest.raises(SystemExit, match="has seconds and mrr"):
        plot([tmp_path / "toy.json"], tmp_path / "toy.svg", quality="mrr")


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A benchmark in a folder of its own."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "toy.py").write_text(
        '"""Does it run?\n\nTime: none.\n"""\nimport json, sys\nprint("words")\n'
        'print(json.dumps({"argument": sys.argv[1]}))\nsys.exit(len(sys.argv) - 2)\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(running, "FOLDER", tmp_path / "benchmarks")
    monkeypatch.setattr("benchmarks.harness.registry.FOLDER", tmp_path / "benchmarks")
    monkeypatch.setitem(BENCHMARKS, "toy", ("{data}/x.csv",))
    return tmp_path / "out"


def test_a_run_leaves_a_record(toy):
    file = running.run("toy", [], data=Path("d"), bundle=Path("b"), out=toy)
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["rows"] == [{"argument": "d/x.csv"}]
    assert record["question"] == "Does it run?"
    assert record["machine"]["versions"]["numpy"]
    assert record["machine"]["cores"] >= 1


def test_a_record_tells_of_which_catalogue_it_is(toy, monkeypatch):
    monkeypatch.setitem(BENCHMARKS, "toy", ("{data}/{catalog}.csv",))
    places = {"data": Path("d"), "bundle": Path("b"), "out": toy}
    records = [json.loads(running.run("toy", [], **places, **some).read_text()) for some in ({}, {"catalog": "hm"})]
    assert [record["rows"] for record in records] == [[{"argument": "d/ikea.csv"}], [{"argument": "d/hm.csv"}]]
    assert [record["command"] for record in records] == [
        "python -m benchmarks run toy",
        "python -m benchmarks run toy --catalog hm",
    ]


def test_a_record_tells_what_a_run_drew_by():
    assert running._seed(["--rows", "5"]) == 0
    assert running._seed(["--set", "train.epochs=3", "--set", "seed=7"]) == 7
    records = [json.loads(file.read_text(encoding="utf-8")) for file in (FOLDER / "results").glob("*.json")]
    assert all("seed" in record for record in records)


def test_a_markdown_table_is_read_too():
    code = r"print('| a | b |\n|---|---|\n| x | .1 (.0 to .2) |')"
    assert running._rows([sys.executable, "-c", code]) == [{"a": "x", "b": ".1 (.0 to .2)"}]


def test_a_run_that_fails_leaves_none(toy):
    with pytest.raises(SystemExit, match="ended with 1"):
        running.run("toy", ["more"], data=Path("d"), bundle=Path("b"), out=toy)
    assert not toy.exists()


def test_options_of_a_benchmark_may_follow_those_of_the_harness(monkeypatch):
    given = {}
    monkeypatch.setattr(
        harness, "run", lambda name, options, **places: given.update(places, name=name, options=options)
    )
    words = ["benchmarks", "run", "matching", "--data", "d", "--record", "mine", "--", "--ways", "a,b", "--rows", "5"]
    monkeypatch.setattr(sys, "argv", words)
    assert harness.main() == 0
    assert (given["name"], given["record"], str(given["data"])) == ("matching", "mine", "d")
    assert given["options"] == ["--ways", "a,b", "--rows", "5"]


@pytest.mark.parametrize(
    ("name", "way", "text", "image"),
    [
        ("frozen", "frozen", "pretrained", "pretrained"),
        ("beside", "beside", "beside", "beside"),
        ("stages", "last stages", "beside", "pretrained"),
    ],
)
def test_the_presets_with_pretrained_towers_are_what_was_measured(name, way, text, image):
    from benchmarks.matching import OURS

    measured = load_config("small", [change.format(minilm="m", resnet="r") for change in OURS[way]])
    told = load_config(name, [f"text.{text}=m", f"image.{image}=r", f"train.epochs={measured.train.epochs}"])
    assert measured == told


def test_what_a_million_cost_follows_from_two_sizes_by_the_formula_told():
    from benchmarks.cost import Cost, told

    small, large = Cost(10.0, 10**9, 5_000_000, None), Cost(25.0, 2 * 10**9, 20_000_000, None)
    row = told("train", small, large, [1000, 4000], 2)
    # 15 s for 3,000 products more and two epochs; 15 MB for as many.
    assert row["CPU ms a product"] == pytest.approx(2.5)
    assert row["bytes a product"] == pytest.approx(5000)
    assert row["CPU h a million"] == pytest.approx((25 + 0.005 * 996_000) / 3600)
    assert row["GB a million"] == pytest.approx((20e6 + 5000 * 996_000) / 1e9)


def shop_of(*tags):
    """Products with pictures that nobody opens, and these tags."""
    records = [
        {"product_id": str(at), "image": f"{at}.jpg", "title": f"t{at}", "tags": one} for at, one in enumerate(tags)
    ]
    return Catalog.from_records(records)


def test_what_pictures_tell_of_tags_is_counted_by_hand():
    from benchmarks.figures import tag_figures

    train = shop_of(*["red|hat"] * 6, *["blue"] * 5, *["rare"] * 4)
    test = shop_of("red", "blue|hat", "rare", "")
    asked = []

    def judge(names):
        asked.extend(names)
        return np.array([[3, 2, 1], [3, 1, 2], [0, 0, 0], [0, 0, 0]], float)  # of blue, hat, red

    found = tag_figures(judge, (train, train, test))
    assert asked == ["blue", "hat", "red"]  # four products are too few to teach "rare"
    # Red comes third, 1/3; blue first and hat third of which two are right, (1 + 2/3) / 2.
    assert found["tags"] == pytest.approx((1 / 3 + 5 / 6) / 2)
    assert tag_figures(judge, (train, train, shop_of("rare"))) == {}


def test_the_plain_ways_to_tell_tags():
    from benchmarks.figures import by_frequency, by_regression

    train, test = shop_of(*["red"] * 6, *["blue"] * 2), shop_of("red", "blue")
    vectors = {id(train): np.repeat(np.eye(2), [6, 2], axis=0), id(test): np.eye(2)}
    assert by_frequency(train, test)(["blue", "red"]).tolist() == [[0.25, 0.75]] * 2
    told = by_regression(lambda catalog: {"image": vectors[id(catalog)]}, train, test)(["blue", "red"])
    assert told.argmax(axis=1).tolist() == [1, 0]


def test_searches_among_all_ask_both_ways():
    from benchmarks.figures import among_all
    from product_matching.eval.galleries import Ranker

    parts = [
        Catalog.from_records([{"product_id": p, "image": p, "title": p} for p in ids]) for ids in ("abc", "d", "ef")
    ]
    own = dict(zip("abcdef", np.eye(6, dtype="float32"), strict=True))
    seen = own | {"e": own["a"]}  # a's text lies nearest to the picture of e

    def embed(catalog):
        names = catalog.table["product_id"]
        return {"text": np.array([own[p] for p in names]), "image": np.array([seen[p] for p in names])}

    found = among_all(embed, parts, Ranker({}))
    assert found["whole image to text recall@1"] == 0.5
    assert found["whole image to text recall@10"] == 1
    assert found["trained recall@10"] == 1
    assert found["whole gallery"] == 6
