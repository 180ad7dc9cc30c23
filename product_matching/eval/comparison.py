"""Two models, asked the same: which is better, and how sure that is."""

from __future__ import annotations

from typing import Any

import numpy as np

from product_matching.errors import DataError
from product_matching.eval.judgement import Judgement
from product_matching.metrics import holm, ndcg_at, paired_difference, recall_at, reciprocal_rank


def compare(ours: Judgement, theirs: Judgement) -> dict[str, dict[str, Any]]:
    """Compares two models on the same pairs and queries.

    Args:
        ours, theirs: Of `judge` with the same catalogue, category and seed.

    Returns:
        By metric (`accuracy`, `text_to_image mrr`, …): `this` and `other`, the means; `difference` (this - other),
        `interval` (95 %, paired bootstrap over images or queries), `p` (two-sided permutation test), `p_corrected`
        (Holm, for the number of metrics), `questions`, `differing` (questions whose answers differ in worth) and
        `verdict`: `"better"`, `"worse"` or `"no difference shown"` at a corrected p of 0.05.

    Raises:
        DataError: If they were not asked the same.
    """
    same = np.array_equal(ours.pairs.image, theirs.pairs.image) and np.array_equal(ours.pairs.text, theirs.pairs.text)
    if not same:
        raise DataError("The two models were not asked about the same pairs: use the same products and seed.")
    values = dict(_values(ours))
    others = dict(_values(theirs))
    found = {name: _row(values[name], others[name]) for name in values if name in others}
    corrected = holm([row["p"] for row in found.values()])
    for row, p in zip(found.values(), corrected, strict=True):
        better = "better" if row["difference"] > 0 else "worse"
        row |= {"p_corrected": float(p), "verdict": better if p < 0.05 else "no difference shown"}
    return found


def _values(judgement: Judgement) -> Any:
    yield "accuracy", judgement.accuracy_by_image()
    for direction, ranks in judgement.ranks.items():
        yield f"{direction} recall@1", recall_at(ranks, 1)
        yield f"{direction} recall@10", recall_at(ranks, 10)
        yield f"{direction} mrr", reciprocal_rank(ranks)
        yield f"{direction} ndcg@10", ndcg_at(ranks, 10)


def _row(ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    paired = paired_difference(ours, theirs)
    return {
        "this": float(ours.mean()),
        "other": float(theirs.mean()),
        "difference": paired.difference,
        "interval": list(paired.interval),
        "p": paired.p,
        "questions": len(ours),
        "differing": paired.differing,
    }
