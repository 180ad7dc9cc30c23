"""The evaluation of a model on products it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog, MatchPairs, match_pairs
from product_matching.eval.baselines import attribute_baseline, baseline_columns, chance_baseline
from product_matching.eval.calibration import pair_scores
from product_matching.eval.embedding import embed_catalog, embed_titles
from product_matching.metrics import bootstrap_interval, match_metrics, platt_probability, retrieval_metrics
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
    product with all it has.

    Args:
        model: A trained model.
        catalog: Held-out products.
        category: Column that names the kind of goods; by default a well-known one, else the first tag.
        seed: Seed of the pairs.
        views: The products' vectors, where `embed_catalog` has made them already.

    Returns:
        `accuracy`, `precision`, `recall`, `f1`, `auc`, `threshold`, `pairs`; `accuracy_interval` (95 %, bootstrap);
        `accuracy_same_kind` (false pairs within a kind, and the true ones); for each direction `recall@1`, `recall@5`,
        `recall@10`, `mrr`, `ndcg@10`, `queries`, `gallery`; `baselines` by name; `products`.

    Raises:
        DataError: If fewer than two different products have both image and text.
    """
    pairs = match_pairs(catalog, category=category, seed=seed)
    rows, groups = np.unique(pairs.image), catalog.groups()
    views = views or embed_catalog(model, catalog)
    return {
        "products": len(catalog),
        **_matching(model, views, pairs),
        **_retrieval(model, views, catalog, rows, groups),
        "baselines": {
            "chance": chance_baseline(pairs, rows, groups),
            **{
                f"only {column}": attribute_baseline(catalog, column, pairs, rows, groups)
                for column in baseline_columns(catalog, category)
            },
        },
    }


def _matching(model: ProductModel, views: dict[str, FloatArray], pairs: MatchPairs) -> dict[str, Any]:
    head = model.head.parameters()
    scores = pair_scores(model, views, pairs)
    probabilities = platt_probability(scores, scale=head["scale"], offset=head["offset"])
    right = (probabilities >= head["threshold"]) == pairs.label.astype(bool)
    asked = pairs.hard | (pairs.label == 1)
    return {
        **match_metrics(pairs.label, probabilities, threshold=head["threshold"]),
        "pairs": len(pairs),
        "accuracy_interval": list(bootstrap_interval(right.astype(float))),
        "accuracy_same_kind": _balanced(right[asked], pairs.label[asked]),
    }


def _balanced(right: np.ndarray, label: IntArray) -> float | None:
    sides = [right[label == side] for side in (0, 1)]
    return float(np.mean([side.mean() for side in sides])) if all(len(side) for side in sides) else None


def _retrieval(
    model: ProductModel, views: dict[str, FloatArray], catalog: Catalog, rows: IntArray, groups: IntArray
) -> dict[str, Any]:
    titled = np.flatnonzero(catalog.table["title"] != "")
    known = {"query_groups": groups[rows], "gallery_groups": groups[rows]}
    result = {
        "text_to_image": retrieval_metrics(views["text"][rows], views["image"][rows], **known),
        "image_to_text": retrieval_metrics(views["image"][rows], views["text"][rows], **known),
    }
    if len(titled):
        titles = embed_titles(model, catalog)[titled]
        result["text_to_product"] = retrieval_metrics(
            titles, views["product"], query_groups=groups[titled], gallery_groups=groups
        )
    return result
