"""Tables of records, in the marked places of Markdown pages.

A place is `<!-- benchmark: NAME -->` … `<!-- end -->`; what stands between is made of results/NAME.json.
`NAME columns` (names separated by commas) shows these columns only, in this order; `NAME+OTHER` joins the rows of both,
where a way of NAME that OTHER measured again has the figures of OTHER.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.records import joined, read
from benchmarks.harness.registry import FOLDER

RESULTS = FOLDER / "results"
PAGES = (
    *(
        FOLDER / name
        for name in ("README.md", "encoders.md", "entity_matching.md", "recommendation.md", "search.md", "service.md")
    ),
    FOLDER.parent / "README.md",
)
_PLACE = re.compile(r"(<!-- benchmark: ([\w+]+)([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def render(pages: Iterable[Path], *, results: Path = RESULTS, write: bool = True) -> list[Path]:
    """Brings the places of pages up to date.

    Args:
        pages: Markdown files.
        results: Folder of the records.
        write: Write what has changed.

    Returns:
        The pages that were out of date.
    """
    stale = []
    for page in pages:
        before = page.read_text(encoding="utf-8")
        after = _PLACE.sub(lambda found: found[1] + _place(found[2], found[3], results) + found[4], before)
        if after != before:
            stale.append(page)
            if write:
                page.write_text(after, encoding="utf-8")
    return stale


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str] = ()) -> str:
    """Rows as a Markdown table, a column for each name in the order of first appearance, or for those of `columns`."""
    names = list(columns) or list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([cell(row.get(name)) for name in names] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(value: Any) -> str:
    """A value as people read it: shares with three digits and no leading zero, an interval as `(a to b)`."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float, list)):
        return str(value)
    if isinstance(value, list):
        return f"({' to '.join(map(cell, value))})" if len(value) == 2 else ", ".join(map(cell, value))
    if isinstance(value, int) or abs(value) >= 100:
        return f"{round(value):,}"
    return f"{value:.3f}".removeprefix("0") if abs(value) < 1 else f"{value:.2f}"


def _place(names: str, columns: str, results: Path) -> str:
    records = read(results / f"{name}.json" for name in names.split("+"))
    told = "\n".join(map(_told, records))
    return f"{told}\n\n{table(joined(records), [c.strip() for c in columns.split(',') if c.strip()])}"


def _told(record: dict[str, Any]) -> str:
    """How a record came about."""
    machine = record["machine"]
    busy = f" with a load of {machine['load_before']} before" if machine["load_before"] > 0.5 else ""
    took = f"{record['seconds']:.0f} s on {machine['cores']} cores{busy}"
    return f"`{record['command']}`, {record['date']}, {took}."
