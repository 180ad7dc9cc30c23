"""The evaluation of a model on products it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog
from product_matching.eval.aims import aims
from product_matching.eval.baselines import (
    attribute_baseline,
    baseline_columns,
    chance_baseline,
    sample_rows,
    word_baseline,
)
from product_matching.eval.galleries import Gallery
from product_matching.eval.judgement import Judgement, ask, judge
from product_matching.eval.plain_searches import plain_searches
from product_matching.eval.queries import MOST_PHOTOS, Question, answer
from product_matching.eval.slices import slice_metrics, worst_slices
from product_matching.metrics import (
    RelevantRanks,
    average_precision,
    bootstrap_interval,
    brier_score,
    expected_calibration_error,
    match_metrics,
    precision_at,
    ranked_average_precision,
    recall_at,
    reciprocal_rank,
    summarise_ranks,
)
from product_matching.metrics.reach import WORDS
from product_matching.model import ProductModel


def evaluate(
    model: ProductModel,
    catalog: Catalog,
    *,
    category: str = "",
    seed: int = 0,
    views: dict[str, FloatArray] | None = None,
) -> dict[str, Any]:
    """Measures matching and retrieval on held-out products, beside plain baselines.

    Matching: for each product with image and text one true pair and one false one, half of the false ones within a
    kind of goods; the threshold is the model's own, chosen before on validation products (`calibrate`).
    Retrieval: among the given products, those of one group (the same title) all count as hits. `text_to_image` and
    `image_to_text` ask with the whole text or the image alone; `text_to_product` asks with the title alone for the
    product with all it has. Products are ranked as a search ranks them, see `galleries`.

    Args:
        model: A trained model.
        catalog: Held-out products.
        category: Column that names the kind of goods; by default a well-known one, else the first tag.
        seed: Seed of the pairs.
        views: The products' vectors, where `embed_catalog` has made them already.

    Returns:
        What `summarise` returns.

    Raises:
        DataError: If fewer than two different products have both image and text.
    """
    return summarise(judge(model, catalog, category=category, seed=seed, views=views), catalog, category=category)


def summarise(judgement: Judgement, catalog: Catalog, *, category: str = "") -> dict[str, Any]:
    """The numbers of a model's answers.

    Returns:
        `accuracy`, `precision`, `recall`, `f1`, `auc`, `threshold`, `pairs`; `accuracy_interval` (95 %, bootstrap);
        `average_precision`, `brier`, `ece`;
        `accuracy_same_kind` (false pairs within a kind, and the true ones); for each direction (`text_to_image`,
        `image_to_text`, `text_to_product`, `image_to_product`, `photo_text_to_product`) `recall@1`, `recall@5`,
        `recall@10`, `mrr`, `ndcg@10`, `map`, `precision@10`, `intervals`, `queries`, `gallery`, perhaps `note`; for
        `product_to_product`, `tag_to_product` and `tag_to_image` by column `precision@1`, `precision@10`, `ndcg@10`,
        `mrr`, `expected` (of a random order), `queries`, `gallery`; `baselines` by name; `products`.
    """
    pairs, rows, groups = judgement.pairs, judgement.rows, catalog.groups()
    return {
        "products": len(catalog),
        **_matching(judgement),
        **answers(judgement),
        "baselines": {
            "chance": chance_baseline(pairs, rows, groups),
            **{
                f"only {column}": attribute_baseline(catalog, column, pairs, rows, groups)
                for column in baseline_columns(catalog, category)
            },
        },
    }


def examine(
    judgement: Judgement,
    catalog: Catalog,
    *,
    category: str = "",
    precision: float = 0.95,
    train: Catalog | None = None,
    popularity: FloatArray | None = None,
) -> dict[str, Any]:
    """What a report tells beside the numbers of `summarise`.

    Args:
        judgement: Of `judge`.
        catalog: The products.
        category: As of `evaluate`.
        precision: The bound of one of the aims.
        train: Training products, for baselines that remember and for the slices of new products.
        popularity: float [N], how often each product was had, for a baseline.

    Returns:
        `thresholds`, see `aims`; `slices`, see `slice_metrics`; `worst_slices`; `word_search`: what BM25 finds by the
        titles among the products' words, where there are titles; `plain_searches`: what other searches without a model
        find, see there.
    """
    found = slice_metrics(judgement, catalog, category=category, train=train)
    words = word_baseline(catalog)
    return {
        "thresholds": aims(judgement, catalog, category=category, precision=precision),
        "slices": found,
        "worst_slices": worst_slices(found),
        **({"word_search": words} if words else {}),
        "plain_searches": plain_searches(judgement, catalog, train, popularity=popularity),
    }


def answers(judgement: Judgement) -> dict[str, Any]:
    """The numbers of all searches, by name."""
    notes = {one.name: one.note for one in judgement.asked if one.note}
    found = {name: _retrieval(ranks, judgement.galleries[name]) for name, ranks in judgement.ranks.items()}
    return {**{name: {**row, **_note(notes, name)} for name, row in found.items()}, **judgement.lists}


def whole_catalogue(
    judgement: Judgement,
    catalog: Catalog,
    whole: Catalog,
    views: dict[str, FloatArray],
    *,
    seen: np.ndarray | None = None,
) -> dict[str, Any]:
    """The same queries, asked among all products of the table: what a shopper would find.

    Products that the model was trained on lie nearer to any query than new ones; a search takes off by how much (see
    `metrics.reach`), and so does this where it is told which those are. What that costs them is told too.

    Args:
        judgement: Of `judge`.
        catalog: The held-out products that were judged.
        whole: All products, these among them.
        views: The vectors of all, of `embed_catalog`.
        seen: Bool [N], whether the model was trained on them.

    Returns:
        `products`, and what `summarise` tells of each search; with `seen`, `trained_text_to_image`: the texts of up to
        2,000 products of the training asked for their images.
    """
    gallery = Gallery(judgement.ranker, whole, views, seen)
    fields = ask(judgement.asked, judgement.alike, catalog, gallery)
    among = Judgement(judgement.pairs, judgement.probabilities, judgement.threshold, judgement.rows, **fields)
    return {"products": len(whole), **answers(among), **_of_trained(gallery)}


def _of_trained(gallery: Gallery) -> dict[str, Any]:
    if gallery.seen is None:
        return {}
    rows = sample_rows(np.intersect1d(np.flatnonzero(gallery.seen), gallery.items("image")[0]), MOST_PHOTOS)
    if not len(rows):
        return {}
    question = Question("trained_text_to_image", gallery.views["text"][rows], rows, "image", WORDS)
    searched, count = answer(question, gallery.catalog, gallery)
    return {question.name: _retrieval(searched.ranks, count)}


def _note(notes: dict[str, str], name: str) -> dict[str, str]:
    return {"note": notes[name]} if name in notes else {}


def _matching(judgement: Judgement) -> dict[str, Any]:
    pairs, probabilities, right = judgement.pairs, judgement.probabilities, judgement.right
    asked = pairs.hard | (pairs.label == 1)
    return {
        **match_metrics(pairs.label, probabilities, threshold=judgement.threshold),
        "average_precision": average_precision(pairs.label, probabilities),
        "brier": brier_score(pairs.label, probabilities),
        "ece": expected_calibration_error(pairs.label, probabilities),
        "pairs": len(pairs),
        "accuracy_interval": list(bootstrap_interval(judgement.accuracy_by_image())),
        "accuracy_same_kind": _balanced(right[asked], pairs.label[asked]),
    }


def _balanced(right: np.ndarray, label: IntArray) -> float | None:
    sides = [right[label == side] for side in (0, 1)]
    return float(np.mean([side.mean() for side in sides])) if all(len(side) for side in sides) else None


def _retrieval(ranks: RelevantRanks, gallery: int) -> dict[str, Any]:
    values = {"recall@10": recall_at(ranks, 10), "mrr": reciprocal_rank(ranks)}
    return {
        **summarise_ranks(ranks, gallery=gallery),
        "map": float(ranked_average_precision(ranks).mean()),
        "precision@10": float(precision_at(ranks, 10).mean()),
        "intervals": {name: list(bootstrap_interval(value)) for name, value in values.items()},
    }
