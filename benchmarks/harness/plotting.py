"""Quality against time, drawn from a record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def plot(records: Sequence[Path], out: Path, *, quality: str = "recall@10", name: str = "way") -> Path:
    """Draws a dot a row, its quality over the processor seconds it took, with the interval where it is known.

    Args:
        records: Files that `run` wrote, of one catalogue; rows without seconds or without the quality are left out.
        out: A PNG or SVG file.
        quality: Which number; its interval is called `QUALITY interval` or `QUALITY_interval`.
        name: What stands beside a dot.

    Returns:
        The file.

    Raises:
        SystemExit: If no row has both.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    kept = [json.loads(record.read_text(encoding="utf-8")) for record in records]
    rows = [row for one in kept for row in one["rows"] if row.get("seconds") and row.get(quality) is not None]
    if not rows:
        raise SystemExit(f"No row of {', '.join(map(str, records))} has seconds and {quality}.")
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for row in rows:
        low, high = row.get(f"{quality} interval") or row.get(f"{quality}_interval") or [row[quality]] * 2
        axes.errorbar(row["seconds"], row[quality], yerr=_arms(row[quality], low, high), fmt="o", capsize=3)
        axes.annotate(f"  {row[name]}", (row["seconds"], row[quality]), va="center")
    axes.margins(x=0.25)
    axes.set(xlabel="processor seconds of the training", ylabel=quality, title=_title(rows, kept[-1]))
    axes.grid(alpha=0.3)
    figure.savefig(out, dpi=120)
    pyplot.close(figure)
    return out


def _arms(value: float, low: float, high: float) -> list[list[float]]:
    return [[max(value - low, 0)], [max(high - value, 0)]]


def _title(rows: list[dict[str, Any]], record: dict[str, Any]) -> str:
    return f"{rows[0].get('catalogue', record['name'])}, {record['date']}"
