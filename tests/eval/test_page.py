import json
import re
from html.parser import HTMLParser
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import confusion_matrix

from product_matching.dataset import Catalog
from product_matching.errors import MissingExtraError
from product_matching.eval import best_and_worst, embed_catalog, examine, judge, plots, report, summarise, write_report
from product_matching.eval.baselines import word_baseline
from product_matching.eval.charts import match_charts, training_charts
from product_matching.eval.confusion import confusions
from product_matching.eval.page import Subject
from product_matching.eval.space_map import principal_plane

pytestmark = pytest.mark.slow

HOSTILE = "<script>alert(1)</script>\"'&"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def evaluated(trained, tmp_path_factory):
    """(folder, metrics) of a report on products with a hostile title."""
    model, part = trained[0], trained[3]
    table = part.table.copy()
    table.iloc[:, table.columns.get_loc("title")] = table["title"] + HOSTILE
    table["kind"] = table["kind"] + HOSTILE
    part = Catalog(table, root=part.root)
    views = embed_catalog(model, part)
    judgement = judge(model, part, views=views)
    metrics = {"split": "test", **summarise(judgement, part), **examine(judgement, part)}
    metrics["confusions"] = confusions(part, judgement.rows, judgement.searched["text_to_image"].first)
    manifest = {"history": {"loss": [3.0, 2.0], "val_mrr": [0.1, 0.2], "lr": 1}, "dim": 8}
    folder = tmp_path_factory.mktemp("report") / "report"
    subject = Subject(part, views, judgement, manifest, HOSTILE)
    write_report(folder, metrics, best_and_worst(part, views), subject)
    return folder, metrics, judgement, subject


def test_page_is_well_formed_and_stands_alone(evaluated):
    text = (evaluated[0] / "index.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "<script" not in text
    for tag, attributes in tags.seen:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("data:image/jpeg;base64,", "#")), (tag, attributes)
    links = {attributes["href"][1:] for tag, attributes in tags.seen if tag == "a"}
    assert links <= {attributes.get("id") for _, attributes in tags.seen}
    assert sum(tag == "img" for tag, _ in tags.seen) > 20


def test_every_drawing_is_xml_and_lies_on_its_sheet(evaluated):
    text = (evaluated[0] / "index.html").read_text(encoding="utf-8")
    drawings = re.findall(r"<svg.*?</svg>", text, flags=re.S)
    assert len(drawings) == 8  # loss, retrieval, ROC, precision-recall, calibration, scores, recall, the map
    for drawing in drawings:
        tree = ElementTree.fromstring(drawing)
        _, _, width, height = map(float, tree.get("viewBox").split())
        for line in tree.iter("polyline"):
            points = np.array([point.split(",") for point in line.get("points").split()], float)
            assert (points >= 0).all()
            assert (points <= [width, height]).all()


def test_plots_are_written_beside(evaluated):
    names = {path.name for path in (evaluated[0] / "plots").iterdir()}
    assert names == {
        f"{chart}.{ending}"
        for chart in ("loss", "retrieval", "roc", "precision_recall", "calibration", "scores", "recall", "confusions")
        for ending in ("png", "svg")
    }
    assert json.loads((evaluated[0] / "metrics.json").read_text(encoding="utf-8"))["split"] == "test"


def test_without_matplotlib_the_page_says_what_to_install(evaluated, tmp_path, monkeypatch):
    def require(module: str, extra: str) -> ModuleType:
        raise MissingExtraError(f"Install it with: pip install 'product-matching[{extra}]'")

    monkeypatch.setattr(plots, "require", require)
    report.write_report(tmp_path / "report", evaluated[1], (), evaluated[3])
    text = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "product-matching[plots]" in text
    assert not (tmp_path / "report" / "plots").exists()


def test_charts_hold_what_they_say(evaluated):
    charts = {chart.name: chart for chart in match_charts(evaluated[2])}
    area = np.trapezoid(charts["roc"].series[0].y, charts["roc"].series[0].x)
    assert area == pytest.approx(evaluated[1]["auc"])
    assert [series.y.sum() for series in charts["scores"].series] == pytest.approx([1, 1])
    (loss,) = training_charts({"loss": [3.0, 2.5], "learning_rate": [1, 1]})
    assert loss.series[0].x.tolist() == [1, 2]
    assert loss.y_range == (0.0, 3.0)
    assert training_charts({}) == []


def test_kinds_taken_for_each_other_counted_by_hand():
    table = pd.DataFrame({"product_id": list("123"), "kind": ["mug", "杯", "bag"]}).reindex(
        columns=["product_id", "image", "title", "description", "tags", "kind"], fill_value=""
    )
    # The first text finds itself, the other two find the first picture.
    found = confusions(Catalog(table), np.arange(3), np.zeros(3, dtype=int))
    assert found["same_kind"] == pytest.approx(1 / 3)
    assert {(row["wanted"], row["found"], row["queries"], row["of"]) for row in found["most"]} == {
        ("杯", "mug", 1, 1),
        ("bag", "mug", 1, 1),
    }


def test_the_matrix_of_kinds_is_that_of_scikit_learn():
    rng, kinds = np.random.default_rng(0), np.array([f"kind {letter}" for letter in "abcdefghijklmnop"])
    # The more frequent a kind, the earlier its letter, so that the rare ones fall together.
    table = pd.DataFrame({"kind": np.repeat(kinds, np.arange(16, 0, -1))})
    table["product_id"] = [str(row) for row in range(len(table))]
    columns = ["product_id", "image", "title", "description", "tags", "kind"]
    catalog = Catalog(table.reindex(columns=columns, fill_value=""))
    first = rng.integers(len(table), size=len(table))
    matrix = confusions(catalog, np.arange(len(table)), first)["matrix"]
    assert matrix["kinds"] == [*kinds[:12], "others"]
    truth = [kind if kind in kinds[:12] else "others" for kind in table["kind"]]
    guess = [truth[row] for row in first]
    assert matrix["counts"] == confusion_matrix(truth, guess, labels=matrix["kinds"]).tolist()


def test_the_plane_is_that_of_principal_components():
    vectors = np.random.default_rng(0).normal(size=(50, 6)) * [5, 3, 1, 1, 1, 1]
    places, explained = principal_plane(vectors)
    reference = PCA(2).fit(vectors)
    np.testing.assert_allclose(np.abs(places), np.abs(reference.transform(vectors)), atol=1e-9)
    assert explained == pytest.approx(reference.explained_variance_ratio_.sum())


def test_words_find_what_they_stand_in(evaluated):
    titles = ["red mug", "red bag", "红色跑鞋", "蓝色背包"]
    table = pd.DataFrame({"product_id": list("1234"), "title": titles}).reindex(
        columns=["product_id", "image", "title", "description", "tags"], fill_value=""
    )
    found = word_baseline(Catalog(table))
    assert (found["recall@1"], found["mrr"], found["queries"], found["gallery"]) == (1.0, 1.0, 4, 4)
    assert word_baseline(Catalog(table.assign(title=""))) == {}
