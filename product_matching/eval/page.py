"""The report as one HTML file that needs no other: styles, curves and pictures are in it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from product_matching._folders import write_whole
from product_matching._types import FloatArray
from product_matching.dataset import Catalog
from product_matching.dataset.thumbnails import thumbnail
from product_matching.eval.charts import Chart
from product_matching.eval.contact_sheet import Row
from product_matching.eval.drawing import shapes
from product_matching.eval.judgement import Judgement
from product_matching.eval.model_card import model_card
from product_matching.eval.space_map import space_map

TILES = 6
"""Results of a search that the page shows."""
SAYS = {
    "text_to_image": "text to picture",
    "image_to_text": "picture to text",
    "text_to_product": "title to product",
    "image_to_product": "photo to product",
    "photo_text_to_product": "photo and title to product",
    "product_to_product": "product to its like",
    "tag_to_product": "words to products",
    "tag_to_image": "words to pictures",
}
"""What the page calls the searches."""


@dataclass(frozen=True)
class Subject:
    """What was evaluated.

    Attributes:
        catalog: The products.
        views: Their vectors.
        judgement: What the model answered.
        manifest: Of its bundle.
        name: Of its bundle, for the heading.
        category: Column that names the kind of goods.
        other: Name of the bundle that it is compared with.
    """

    catalog: Catalog
    views: dict[str, FloatArray]
    judgement: Judgement
    manifest: Mapping[str, Any] = field(default_factory=dict)
    name: str = "model"
    category: str = ""
    other: str = ""


def write_page(
    path: Path,
    subject: Subject,
    metrics: Mapping[str, Any],
    charts: Sequence[Chart],
    examples: Sequence[Row],
    *,
    note: str = "",
) -> None:
    """Writes the page.

    Args:
        path: The HTML file.
        subject: What was evaluated.
        metrics: Of `summarise` and `examine`; perhaps `against`, of `compare`.
        charts: Curves.
        examples: Of `best_and_worst`: the best half first.
        note: What the reader should know of how the report was made.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = _number
    environment.filters["interval"] = lambda ends: f"{_number(ends[0])} to {_number(ends[1])}"
    # Per cent of the way from chance to perfection.
    environment.filters["place"] = lambda accuracy: f"{min(max(200 * accuracy - 100, 0), 100):.1f}"
    template = (resources.files("product_matching.eval") / "page.html").read_text(encoding="utf-8")
    half = (len(examples) + 1) // 2
    page = environment.from_string(template).render(
        subject=subject,
        metrics=metrics,
        card=model_card(subject.catalog, subject.manifest, metrics),
        charts={chart.name: shapes(chart) for chart in charts},
        best=[_search(row) for row in examples[:half]],
        worst=[_search(row) for row in examples[half:]],
        map=space_map(subject.catalog, subject.views["product"], category=subject.category),
        directions=[name for name in subject.judgement.ranks if name in metrics],
        says=SAYS,
        lists=[(name, column) for name, part in subject.judgement.lists.items() for column in part],
        today=datetime.datetime.now(datetime.UTC).date().isoformat(),
        note=note,
    )
    write_whole(path, re.sub(r"\n\s*\n+", "\n", page).encode("utf-8", "replace"))


def _search(row: Row) -> dict[str, Any]:
    *found, wanted = row.tiles
    return {
        "query": row.query,
        "wanted": thumbnail(wanted.image),
        "found": [
            {"picture": thumbnail(tile.image), "title": tile.caption, "right": bool(tile.right)}
            for tile in found[:TILES]
        ],
    }


def _number(value: Any) -> str:
    """Counts with commas, shares with three digits; a dash for what is not known."""
    if value is None or value != value:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}"
