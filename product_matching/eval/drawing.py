"""Charts as shapes in an SVG's coordinates, for a page's template to write down."""

from __future__ import annotations

from typing import Any

import numpy as np

from product_matching.eval.charts import Chart, Series

WIDTH, HEIGHT = 380, 270
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 40
TICKS = 5


def shapes(chart: Chart) -> dict[str, Any]:
    """Where everything lies.

    Returns:
        `width`, `height`, the plot's `left`, `right`, `top`, `bottom`; `x_ticks` and `y_ticks` as (place, text);
        `marks`: by series `name`, `kind` and `points` (`"x,y x,y"`), `dots` or `boxes`; and the `chart`.
    """
    return {
        "chart": chart,
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
        "x_ticks": [(_across(chart, value), text) for value, text in _ticks(*chart.x_range)],
        "y_ticks": [(_up(chart, value), text) for value, text in _ticks(*chart.y_range)],
        "marks": [_mark(chart, series) for series in chart.series],
    }


def _mark(chart: Chart, series: Series) -> dict[str, Any]:
    x = [_across(chart, value) for value in series.x]
    y = [_up(chart, value) for value in series.y]
    mark: dict[str, Any] = {"name": series.name, "kind": series.mark}
    if series.mark == "bars":
        floor = _up(chart, chart.y_range[0])
        mark["boxes"] = [
            (left, top, max(right - left - 0.5, 0.5), max(floor - top, 0))
            for left, right, top in zip(x, x[1:], y, strict=False)
        ]
    elif series.mark == "dots":
        mark["dots"] = list(zip(x, y, strict=True))
    else:
        mark["points"] = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return mark


def _across(chart: Chart, value: float) -> float:
    low, high = chart.x_range
    return round(LEFT + (WIDTH - LEFT - RIGHT) * float(np.clip((value - low) / (high - low), 0, 1)), 2)


def _up(chart: Chart, value: float) -> float:
    low, high = chart.y_range
    share = float(np.clip((value - low) / (high - low), 0, 1)) if np.isfinite(value) else 0.0
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 2)


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    rough = (high - low) / TICKS
    unit = 10.0 ** np.floor(np.log10(rough))
    step = next(size * unit for size in (1, 2, 2.5, 5, 10) if size * unit >= rough * (1 - 1e-9))
    values = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return [(float(value), f"{value + 0.0:.4g}") for value in values]
