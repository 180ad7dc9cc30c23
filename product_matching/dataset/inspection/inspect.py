"""The report on a catalogue, as plain values."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from product_matching.dataset.catalog import Catalog
from product_matching.dataset.families import first_facts
from product_matching.dataset.inspection.duplicates import Duplicates, find_duplicates
from product_matching.dataset.inspection.languages import LANGUAGES, language
from product_matching.dataset.inspection.prices import parse_price, price_column, price_outliers

SHOWN = 20
"""Examples of each kind that the report names."""


def summarise(catalog: Catalog) -> dict[str, Any]:
    """Counts: `rows`, `accepted`, `rejected`, `reasons` (a count by reason), `missing` (a count by field), `groups`,
    `tags`, `category_column`, `attributes`.
    """
    cells = catalog.table
    reasons = Counter(map(_reason, catalog.rejected["column"], catalog.rejected["reason"]))
    return {
        "rows": len(catalog) + len(catalog.rejected),
        "accepted": len(catalog),
        "rejected": len(catalog.rejected),
        "reasons": dict(reasons.most_common()),
        "missing": {name: int((cells[name] == "").sum()) for name in ("image", "title", "description", "tags")},
        "groups": len(np.unique(catalog.groups())),
        "tags": len({tag for tags in cells["tags"].unique() for tag in tags.split("|") if tag}),
        "category_column": catalog.category_column(),
        "attributes": catalog.attributes,
    }


def inspect_catalog(catalog: Catalog) -> tuple[dict[str, Any], Duplicates]:
    """Everything that `validate` tells.

    Returns:
        Values for JSON: those of `summarise`; `languages` (a count by language); `text_lengths` in letters and
        `image_sizes` in pixels, each as `min`, `median`, `p95`, `max`; `images_small`, those under 32 pixels;
        `tag_frequencies`, the most frequent first, and `tags_once`; `attribute_values` (`filled`, `different`);
        `price`; `duplicates`, a count of `sets` and `products` by kind, with examples by product id. And the sets.
    """
    duplicates = find_duplicates(catalog)
    table = catalog.table
    facts = {catalog.images[name] for cell in table["image"] for name in cell.split("|") if name in catalog.images}
    tags = Counter(tag for cell in table["tags"] if cell for tag in cell.split("|") if tag)
    languages = Counter(map(language, catalog.texts()))
    return {
        **summarise(catalog),
        "languages": {name: languages[name] for name in LANGUAGES},
        "text_lengths": {name: _spread(table[name].str.len().to_numpy()) for name in ("title", "description")},
        "image_sizes": {name: _spread([getattr(one, name) for one in facts]) for name in ("width", "height")},
        "images_small": sum(min(one.width, one.height) < 32 for one in facts),
        "tag_frequencies": dict(tags.most_common(SHOWN)),
        "tags_once": sum(count == 1 for count in tags.values()),
        "attribute_values": {
            name: {"filled": int((table[name] != "").sum()), "different": int(table[name].nunique())}
            for name in catalog.attributes
        },
        "price": _prices(catalog),
        "duplicates": {name: _told(catalog, sets) for name, sets in vars(duplicates).items()},
        "images": len(first_facts(catalog)[0]),
    }, duplicates


def _reason(column: str, reason: str) -> str:
    """What rows of one fault have in common: names and numbers are left out."""
    general = re.sub(r"(['\"]).*\1", "…", reason, flags=re.DOTALL)
    general = re.sub(r"https?://\S+", "…", general)
    general = re.sub(r"\d[\d,.]*", "…", general)
    return f"{column}: {general}" if column else general


def _spread(values: Any) -> dict[str, float]:
    """Of the values above zero; empty if there is none."""
    values = np.asarray(values)
    values = values[values > 0] if len(values) else values
    if not len(values):
        return {}
    low, middle, high, top = np.percentile(values, [0, 50, 95, 100])
    return {"min": float(low), "median": float(middle), "p95": float(high), "max": float(top)}


def _prices(catalog: Catalog) -> dict[str, Any]:
    column = price_column(catalog.attributes)
    if not column:
        return {}
    cells = catalog.table[column]
    prices = np.array([parse_price(cell) for cell in cells], dtype=float)
    rows = price_outliers(prices, catalog.categories())
    return {
        "column": column,
        "known": int(np.isfinite(prices).sum()),
        "unreadable": int((~np.isfinite(prices) & (cells != "").to_numpy()).sum()),
        **_spread(prices[np.isfinite(prices)]),
        "outliers": len(rows),
        "examples": [
            {"product_id": catalog.table["product_id"].iloc[row], "row": line_of(catalog, row), column: cells.iloc[row]}
            for row in rows[:SHOWN]
        ],
    }


def line_of(catalog: Catalog, row: int) -> int:
    """Line of the file where a product stands; its place in the table where there was no file."""
    return int(catalog.lines[row]) if len(catalog.lines) else int(row) + 1


def _told(catalog: Catalog, sets: list[np.ndarray]) -> dict[str, Any]:
    ids = catalog.table["product_id"].to_numpy()
    return {
        "sets": len(sets),
        "products": int(sum(map(len, sets))),
        "examples": [ids[rows[:8]].tolist() for rows in sets[:SHOWN]],
    }
