"""Quality against time, drawn from a record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.records import joined, read

MARKS = "os^DvP*X<>"


def plot(records: Sequence[Path], out: Path, *, quality: str = "recall@10", name: str = "way") -> Path:
    """Draws a dot a row, its quality over the processor seconds it took, with the interval where it is known.

    Args:
        records: Files that `run` wrote, of one catalogue; rows without seconds or without the quality are left out.
        out: A PNG or SVG file.
        quality: Which number; its interval is called `QUALITY interval` or `QUALITY_interval`.
        name: The column that tells rows apart, and what the legend calls a dot.

    Returns:
        The file.

    Raises:
        SystemExit: If no row has both.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    kept = read(records)
    rows = [row for row in joined(kept, name) if row.get("seconds") and row.get(quality) is not None]
    if not rows:
        raise SystemExit(f"No row of {', '.join(map(str, records))} has seconds and {quality}.")
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for at, row in enumerate(rows):
        low, high = row.get(f"{quality} interval") or row.get(f"{quality}_interval") or [row[quality]] * 2
        arms, mark = _arms(row[quality], low, high), MARKS[at % len(MARKS)]
        axes.errorbar(row["seconds"], row[quality], yerr=arms, fmt=mark, capsize=3, label=row[name])
    figure.legend(loc="outside right upper")  # beside dots, names of ways that are alike cover each other
    axes.set(xlabel="processor seconds of the training", ylabel=quality, title=_title(rows, kept[-1]))
    axes.grid(alpha=0.3)
    figure.savefig(out, dpi=120)
    pyplot.close(figure)
    return out


def _arms(value: float, low: float, high: float) -> list[list[float]]:
    return [[max(value - low, 0)], [max(high - value, 0)]]


def _title(rows: list[dict[str, Any]], record: dict[str, Any]) -> str:
    return f"{rows[0].get('catalogue', record['name'])}, {record['date']}"
