"""The figures of a way to match pictures and texts, the same for ours and for its peers.

What tells pairs apart: accuracy, precision, recall and F1 at the threshold that is best on validation. What finds:
recall@1, 5, 10 and mean reciprocal rank, both ways, among the held-out products and (`whole …`) among all. What a
picture tells of tags (`tags`): for each held-out picture those of the training in order, as label ranking average
precision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.linear_model import RidgeCV
from sklearn.metrics import label_ranking_average_precision_score
from sklearn.preprocessing import MultiLabelBinarizer

from benchmarks.peers import STRENGTHS, Embed
from product_matching.cli.train import embedded_once
from product_matching.config import Config
from product_matching.dataset import Catalog, match_pairs
from product_matching.eval import calibrate, evaluate
from product_matching.eval.galleries import BANK, Gallery, Ranker
from product_matching.metrics import (
    best_threshold,
    bootstrap_interval,
    match_metrics,
    query_ranks,
    recall_at,
    retrieval_metrics,
    summarise_ranks,
)
from product_matching.metrics.reach import PICTURE, WORDS, Sides
from product_matching.model import ProductModel

Parts = tuple[Catalog, Catalog, Catalog]
Judge = Callable[[list[str]], np.ndarray]
"""Of names of tags, float [test, n]: how well each fits the picture of each held-out product."""
ASKED = 5_000
"""Queries that are asked among all, at most."""
FEWEST_OF_TAG = 5
"""Training products that carry a tag which is asked for."""
DIRECTIONS: dict[str, tuple[str, str, Sides]] = {
    "": ("text", "image", WORDS),
    "image to text ": ("image", "text", PICTURE),
}
FOUND = ("recall@1", "recall@5", "recall@10", "mrr")


def trained_figures(
    model: ProductModel, parts: Parts, config: Config, *, references: Catalog | None = None, fully: bool = True
) -> dict[str, Any]:
    """Calibrates a trained model, ranks by `references`, by default what it learned from, and measures it.

    If `fully`, among the products of all parts and by tags, too.
    """
    train, val, test = parts
    embed = embedded_once(config.train.feature_cache)
    calibrate(model, val, references=train if references is None else references, embed=embed)
    views = embed(model, test)
    found = evaluate(model, test, views=views)
    ranker = Ranker.of(model)
    matching = {name: found[name] for name in ("accuracy", "accuracy_interval", "precision", "recall", "f1")}
    figures = {**matching, "same kind": found["accuracy_same_kind"], **searches(views, test, ranker)}
    if fully:
        figures |= tag_figures(by_tag_vectors(model, views["image"], train), parts)
        figures |= among_all(lambda catalog: views if catalog is test else embed(model, catalog), parts, ranker)
    return figures


def measured(
    embed: Embed, parts: Parts, ranker: Ranker | None = None, *, fully: bool = True, judge: Judge | None = None
) -> dict[str, Any]:
    """The same figures of vectors that are compared by cosine alone, or ranked otherwise.

    Tags are told by a regression on the vectors of pictures, unless by `judge`.
    """
    ranker = ranker or Ranker({})
    _, val, test = parts
    scores, drawn = [], []
    for part in (val, test):
        views, pairs = embed(part), match_pairs(part)
        scores.append((views["image"][pairs.image] * views["text"][pairs.text]).sum(axis=1))
        drawn.append(pairs)
    threshold = best_threshold(drawn[0].label, scores[0], aim="accuracy")
    pairs, right = drawn[1], (scores[1] >= threshold) == drawn[1].label
    asked = pairs.hard | (pairs.label == 1)
    sides = [right[asked & (pairs.label == side)].mean() for side in (0, 1)]
    by_image = np.bincount(pairs.image, weights=right)[np.unique(pairs.image)] / 2
    judge = judge or by_regression(embed, parts[0], test)
    metrics = match_metrics(pairs.label, scores[1], threshold=threshold)
    return {
        "accuracy": metrics["accuracy"],
        "accuracy_interval": list(bootstrap_interval(by_image)),
        **{name: metrics[name] for name in ("precision", "recall", "f1")},
        "same kind": float(np.mean(sides)),
        **searches(views, test, ranker),
        **(tag_figures(judge, parts) | among_all(embed, parts, ranker) if fully else {}),
    }


def ranked_likewise(embed: Embed, train: Catalog) -> Ranker:
    """Ranks vectors as ours are ranked, by those of the training."""
    views, rows = embed(train), train.with_image_and_text()[:BANK]
    return Ranker({kind: views[kind][rows] for kind in ("text", "image")})


def searches(views: dict[str, np.ndarray], catalog: Catalog, ranker: Ranker) -> dict[str, Any]:
    """Recall and reciprocal ranks among the held-out products, both ways, and the interval of the first."""
    rows = catalog.with_image_and_text()
    groups, gallery = catalog.groups()[rows], Gallery(ranker, catalog, views)
    found: dict[str, Any] = {}
    for name, (asks, answers, sides) in DIRECTIONS.items():
        options = {"query_groups": groups, "gallery_groups": groups}
        asked, items = ranker.queries(views[asks][rows], sides), gallery.items(answers)[1]
        ranks = query_ranks(asked, items, **options)
        one = summarise_ranks(ranks, gallery=len(rows))
        found |= {name + key: one[key] for key in FOUND}
        if not name:
            found |= {"recall@10 interval": list(bootstrap_interval(recall_at(ranks, 10))), "gallery": len(rows)}
    return found


def among_all(embed: Embed, parts: Parts, ranker: Ranker) -> dict[str, Any]:
    """Texts and pictures of the test, and texts of some products of the training, asked among all products."""
    shown, groups, seen = [], [], []
    for part in parts:
        some = part.with_image_and_text()
        views = embed(part)
        shown.append({kind: views[kind][some] for kind in ("image", "text")})
        groups.append(part.groups()[some])
        seen.append(np.full(len(some), part is parts[0]))
    views = {kind: np.concatenate([one[kind] for one in shown]) for kind in ("image", "text")}
    all_groups, learned = np.concatenate(groups), np.concatenate(seen)
    found: dict[str, Any] = {}
    for way, (asks, answers, sides) in DIRECTIONS.items():
        items = ranker.items(views[answers], {asks: views[asks]}, seen=learned)
        for name, place, figures in (("whole ", 2, FOUND), *([] if way else [("trained ", 0, ("recall@10", "mrr"))])):
            queries, of = shown[place][asks], groups[place]
            rows = np.linspace(0, len(queries) - 1, min(len(queries), ASKED)).astype(int)
            options = {"query_groups": of[rows], "gallery_groups": all_groups}
            one = retrieval_metrics(ranker.queries(queries[rows], sides), items, **options)
            found |= {f"{name}{way}{key}": one[key] for key in figures}
    return found | {"whole gallery": len(views["image"])}


def tag_figures(judge: Judge, parts: Parts) -> dict[str, Any]:
    """Label ranking average precision of the tags of held-out pictures, and its interval; `{}` without tags."""
    train, _, test = parts
    lists = train.tag_lists()
    counts = Counter(tag for row in _pictured(train) for tag in set(lists[row]))
    names = sorted(tag for tag, count in counts.items() if count >= FEWEST_OF_TAG)
    rows = _pictured(test)
    true = _multi_hot(test, rows, names)
    asked = np.flatnonzero(true.any(axis=1))
    if not len(asked):
        return {}
    scores = judge(names)[rows]
    each = [label_ranking_average_precision_score(true[[at]], scores[[at]]) for at in asked]
    return {"tags": float(np.mean(each)), "tags interval": list(bootstrap_interval(np.array(each)))}


def by_tag_vectors(model: ProductModel, pictures: np.ndarray, train: Catalog) -> Judge:
    """Our own: log-odds of picture and tag by the vectors of both, and how frequent the tag is, which these lack."""

    def judge(names: list[str]) -> np.ndarray:
        known = ops.convert_to_numpy(model.preprocessor.tags(tf.constant(names))["tags"])  # which of the model's own
        vectors = known @ ops.convert_to_numpy(model.tag_vectors())
        return model.head.parameters()["temperature"] * pictures @ vectors.T + np.log(_shares(train, names))

    return judge


def by_regression(embed: Embed, train: Catalog, test: Catalog) -> Judge:
    """Ridge regression of tags on the vectors of pictures: what one would do to tell tags alone."""

    def judge(names: list[str]) -> np.ndarray:
        rows = _pictured(train)
        probe = RidgeCV(alphas=STRENGTHS).fit(embed(train)["image"][rows], _multi_hot(train, rows, names))
        return probe.predict(embed(test)["image"])

    return judge


def by_frequency(train: Catalog, test: Catalog) -> Judge:
    """Says of every picture what most products of the training carry."""
    return lambda names: np.tile(_shares(train, names), (len(test), 1))


def random_vectors(catalog: Catalog) -> dict[str, np.ndarray]:
    """What chance gives."""
    rng = np.random.default_rng(len(catalog))
    views = {view: rng.normal(size=(len(catalog), 32)).astype("float32") for view in ("image", "text")}
    return {view: vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for view, vectors in views.items()}


def _pictured(catalog: Catalog) -> list[int]:
    return [row for row, path in enumerate(catalog.image_paths()) if path]


def _multi_hot(catalog: Catalog, rows: list[int], names: list[str]) -> np.ndarray:
    lists, known = catalog.tag_lists(), set(names)
    return MultiLabelBinarizer(classes=names).fit_transform([set(lists[row]) & known for row in rows])


def _shares(catalog: Catalog, names: list[str]) -> np.ndarray:
    """Of the products that carry each tag."""
    return _multi_hot(catalog, _pictured(catalog), names).mean(axis=0)
