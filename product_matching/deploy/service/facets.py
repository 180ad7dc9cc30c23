"""What the products of an index can be filtered by."""

from __future__ import annotations

import pandas as pd

from product_matching.deploy.service.schemas import Facet
from product_matching.search.live_index import Snapshot

MOST_VALUES = 24
NOT_FACETS = ("image", "title", "description", "tags")


def facets_of(snapshot: Snapshot) -> list[Facet]:
    """A range for each attribute of numbers, the values with their counts for one of few words; others have none."""
    base = snapshot.base.products.frame
    frames = [base[~base["product_id"].isin(list(snapshot.hidden))] if snapshot.hidden else base]
    frames += [] if snapshot.overlay is None else [snapshot.overlay.products.frame]
    names = dict.fromkeys(str(name) for frame in frames for name in frame.columns if name not in NOT_FACETS)
    names.pop("product_id", None)
    found = [
        _facet(name, pd.concat([frame[name] for frame in frames if name in frame.columns]).dropna()) for name in names
    ]
    return [facet for facet in found if facet is not None]


def _facet(name: str, column: pd.Series) -> Facet | None:
    if not len(column):
        return None
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all() and not column.map(lambda cell: isinstance(cell, bool)).any():
        low, high = float(numbers.min()), float(numbers.max())
        return Facet(attribute=name, minimum=low, maximum=high) if low < high else None
    words = column[column.map(lambda cell: isinstance(cell, str) and cell != "")]
    counts = words.str.split("|").explode().str.strip().value_counts()
    if not 1 < len(counts) <= MOST_VALUES or counts.iloc[0] < 2:
        return None
    return Facet(attribute=name, values={str(value): int(count) for value, count in counts.items()})
