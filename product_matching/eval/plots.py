"""The charts as files, with matplotlib."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from product_matching._optional import require
from product_matching.eval.charts import Chart


def write_plots(charts: Iterable[Chart], folder: Path) -> list[Path]:
    """Writes each chart as `<name>.png` and `<name>.svg`.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    figures = require("matplotlib.figure", "plots")
    written = []
    folder.mkdir(parents=True, exist_ok=True)
    for chart in charts:
        figure = figures.Figure(figsize=(5, 3.8), layout="constrained")
        _draw(figure.subplots(), chart)
        for ending in ("png", "svg"):
            written.append(folder / f"{chart.name}.{ending}")
            # Without a date, the same numbers give the same file.
            figure.savefig(written[-1], dpi=150, metadata={"Date": None} if ending == "svg" else None)
    return written


def _draw(axes: object, chart: Chart) -> None:
    if chart.diagonal:
        axes.plot([0, 1], [0, 1], linestyle="--", color="0.6", linewidth=1)
    for series in chart.series:
        if series.mark == "bars":
            axes.stairs(series.y, series.x, label=series.name, fill=True, alpha=0.55)
        elif series.mark == "dots":
            axes.scatter(series.x, series.y, s=16, label=series.name)
        else:
            axes.plot(series.x, series.y, label=series.name)
    axes.set(title=chart.title, xlabel=chart.x_label, ylabel=chart.y_label)
    low, high = chart.y_range
    # A line along an edge would be cut in half.
    axes.set(xlim=chart.x_range, ylim=(low, high + 0.02 * (high - low)))
    axes.grid(alpha=0.25)
    if len(chart.series) > 1 and not chart.diagonal:
        axes.legend(frameon=False)
