"""The curves of a report, as numbers: whoever draws them needs to know nothing of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from product_matching.eval.judgement import Judgement
from product_matching.metrics import precision_recall_curve, recall_at, reliability, roc_curve

POINTS, BINS = 200, 25
CUTS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100)


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: For the legend.
        x, y: float [N]; for bars `x` has the N + 1 ends of the bins.
        mark: How it is drawn.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    mark: Literal["line", "bars", "dots"] = "line"


@dataclass(frozen=True)
class Chart:
    """Curves on common axes.

    Attributes:
        name: Of a file.
        title: For people.
        x_label, y_label: Of the axes.
        series: What is drawn.
        x_range, y_range: Ends of the axes.
        diagonal: Whether the line from corner to corner is drawn: what chance gives, or what would be ideal.
        note: A sentence on how to read it.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    diagonal: bool = False
    note: str = ""


def match_charts(judgement: Judgement) -> list[Chart]:
    """ROC, precision and recall, calibration, and the probabilities of true and false pairs."""
    label, values = judgement.pairs.label, judgement.probabilities
    false_rate, true_rate = map(_thinned, roc_curve(label, values))
    recall, precision = map(_thinned, precision_recall_curve(label, values))
    honest = reliability(label, values)
    ends = np.linspace(0, 1, BINS + 1)
    shares = [np.histogram(values[label == side], ends)[0] / max((label == side).sum(), 1) for side in (1, 0)]
    note = "On the diagonal, of the pairs given 70 %, 70 % match."
    return [
        Chart(
            *("roc", "ROC curve", "false positive rate", "true positive rate"),
            [Series("model", false_rate, true_rate)],
            diagonal=True,
            note="The diagonal is chance.",
        ),
        Chart(
            *("precision_recall", "Precision and recall", "recall", "precision"),
            [Series("model", recall, precision)],
            y_range=(min(0.5, float(precision.min())), 1.0),
            note="Each point is a threshold.",
        ),
        Chart(
            *("calibration", "Calibration", "stated probability", "share that matches"),
            [Series("line", honest.stated, honest.observed), Series("bins", honest.stated, honest.observed, "dots")],
            diagonal=True,
            note=note,
        ),
        Chart(
            *("scores", "Probabilities of true and false pairs", "probability", "share of the pairs"),
            [
                Series(name, ends, share, "bars")
                for name, share in zip(("true pairs", "false pairs"), shares, strict=True)
            ],
            y_range=(0.0, _above(max(share.max() for share in shares))),
            note=f"The threshold is {judgement.threshold:.3f}.",
        ),
    ]


def recall_chart(judgement: Judgement) -> Chart:
    """Recall@k of each direction."""
    cuts = [k for k in CUTS if k <= max(judgement.galleries.values())]
    series = [
        Series(name.replace("_", " "), np.array(cuts, float), np.array([recall_at(ranks, k).mean() for k in cuts]))
        for name, ranks in judgement.ranks.items()
    ]
    title, note = "Recall at k", "Share of the queries with the wanted product among the first k."
    return Chart("recall", title, "k", "recall", series, x_range=(0.0, float(cuts[-1])), note=note)


def training_charts(history: Mapping[str, Sequence[float]]) -> list[Chart]:
    """Loss and retrieval over the epochs; what was not recorded is left out."""
    return [chart for chart in (_epochs("loss", history), _epochs("retrieval", history)) if chart]


def _epochs(what: str, history: Mapping[str, Sequence[float]]) -> Chart | None:
    curves = {
        name: np.array(values, float)
        for name, values in history.items()
        if ("loss" in name) == (what == "loss") and _is_curve(values) and (what == "loss" or name.startswith("val_"))
    }
    if not curves:
        return None
    longest = max(len(values) for values in curves.values())
    top = _above(max(np.nanmax(values) for values in curves.values())) if what == "loss" else 1.0
    series = [
        Series(name.replace("val_", "validation "), np.arange(1.0, len(values) + 1), values)
        for name, values in curves.items()
    ]
    title = "Loss by epoch" if what == "loss" else "Retrieval on validation products by epoch"
    return Chart(what, title, "epoch", what, series, x_range=(1.0, float(max(longest, 2))), y_range=(0.0, top))


def _is_curve(values: Any) -> bool:
    return isinstance(values, list | tuple) and len(values) > 0 and all(isinstance(v, int | float) for v in values)


def all_charts(judgement: Judgement, history: Mapping[str, Sequence[float]]) -> Iterator[Chart]:
    """All of them."""
    yield from training_charts(history)
    yield from match_charts(judgement)
    yield recall_chart(judgement)


def _thinned(curve: np.ndarray) -> np.ndarray:
    if len(curve) <= POINTS:
        return curve
    return curve[np.unique(np.linspace(0, len(curve) - 1, POINTS).astype(int))]


def _above(value: float) -> float:
    """A round number at or above a positive one."""
    if not np.isfinite(value) or value <= 0:
        return 1.0
    unit = 10.0 ** np.floor(np.log10(value))
    return float(next(step * unit for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * unit >= value * (1 - 1e-9)))
