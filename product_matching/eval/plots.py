"""The charts as files, with matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from product_matching._optional import require
from product_matching.eval.charts import Chart


def write_plots(charts: Iterable[Chart], folder: Path) -> list[Path]:
    """Writes each chart as `<name>.png` and `<name>.svg`.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    written = []
    for chart in charts:
        figure = _figure(5, 3.8)
        _draw(figure.subplots(), chart)
        written += _save(figure, folder / chart.name)
    return written


def write_confusions(matrix: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes the matrix of `confusions` as `confusions.png` and `.svg`: shares of each row, counts written in.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    counts, kinds = np.array(matrix["counts"], float), matrix["kinds"]
    side = 2.2 + 0.45 * len(kinds)
    figure = _figure(side + 0.6, side)
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", fontsize=8, color=colour)
    axes.set(title="Which kind is taken for which?", xlabel="found first", ylabel="wanted")
    axes.set_xticks(range(len(kinds)), kinds, rotation=45, ha="right")
    axes.set_yticks(range(len(kinds)), kinds)
    return _save(figure, folder / "confusions")


def _figure(width: float, height: float) -> Any:
    return require("matplotlib.figure", "plots").Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> list[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [path.parent / f"{path.name}.{ending}" for ending in ("png", "svg")]
    for file in files:
        # Without a date, the same numbers give the same file.
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
    return files


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
