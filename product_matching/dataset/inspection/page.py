"""The report as one HTML file that needs no other: styles and thumbnails are in it."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined

from product_matching._folders import write_whole
from product_matching.dataset.catalog import Catalog
from product_matching.dataset.inspection.duplicates import Duplicates
from product_matching.dataset.inspection.inspect import line_of
from product_matching.dataset.thumbnails import thumbnail

SETS, MEMBERS, SAMPLE, REJECTED = 12, 6, 24, 200
"""Sets of each kind, products of a set, products of the sample and rejected rows that the page shows."""
KINDS = {
    "same_image": ("Same image file", "Copies of one file. Often one product entered twice."),
    "near_image": ("Near duplicate images", "The same picture in another size, quality or crop."),
    "contradictions": ("One picture, contradicting texts", "A model cannot learn from a picture that is two things."),
    "placeholders": ("Pictures that many products share", "A placeholder such as “no photo”? Better no image than it."),
    "same_text": ("Same text", "Title and description equal but for case, width, punctuation and spaces."),
    "near_text": ("Near duplicate texts", "Nine tenths of the three-letter sequences in common, and the same numbers."),
}


def write_page(path: Path, report: dict[str, Any], duplicates: Duplicates, catalog: Catalog, *, source: str) -> None:
    """Writes the page.

    Args:
        path: The HTML file.
        report: Of `inspect_catalog`.
        duplicates: Likewise.
        catalog: The catalogue that was inspected.
        source: Name of the table, for the heading.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = lambda value: f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    template = (resources.files("product_matching.dataset.inspection") / "page.html").read_text(encoding="utf-8")
    sample = np.random.default_rng(0).permutation(len(catalog))[:SAMPLE]
    page = environment.from_string(template).render(
        source=source,
        report=report,
        kinds=[
            (name, title, hint, [_cards(catalog, rows[:MEMBERS]) for rows in getattr(duplicates, name)[:SETS]])
            for name, (title, hint) in KINDS.items()
        ],
        sample=_cards(catalog, np.sort(sample)),
        outliers=_cards(catalog, _rows(catalog, report["price"].get("examples", ()))),
        rejected=catalog.rejected.head(REJECTED).to_dict("records"),
    )
    write_whole(path, re.sub(r"\n\s*\n+", "\n", page).encode("utf-8", "replace"))


def _rows(catalog: Catalog, examples: Any) -> list[int]:
    wanted = {example["product_id"]: place for place, example in enumerate(examples)}
    rows = np.flatnonzero(catalog.table["product_id"].isin(list(wanted)))
    return sorted(rows.tolist(), key=lambda row: wanted[catalog.table["product_id"].iloc[row]])


def _cards(catalog: Catalog, rows: Any) -> list[dict[str, Any]]:
    chosen = catalog.take(np.asarray(rows, dtype=np.int64))
    price = next((name for name in catalog.attributes if name.lower() == "price"), "")
    return [
        {
            "id": product.product_id,
            "line": line_of(catalog, row),
            "title": product.title or product.description,
            "price": chosen.table[price].iloc[place] if price else "",
            "kind": kind,
            "thumbnail": thumbnail(path),
        }
        for place, (row, product, path, kind) in enumerate(
            zip(
                rows,
                chosen.table[["product_id", "title", "description"]].itertuples(index=False),
                chosen.image_paths(),
                chosen.categories(),
                strict=True,
            )
        )
    ]
