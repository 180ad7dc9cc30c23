"""What results can be narrowed by: the values of attributes with how many products have each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from product_matching.search.filters import SEPARATOR

ALL = "all"
MOST_VALUES = 24
"""So many values are told of an attribute, and one that has more is no facet unless it is asked for by name."""
NOT_FACETS = ("product_id", "image", "title", "description", "tags")


@dataclass(frozen=True)
class Facet:
    """An attribute to filter by: its values with how many products have each, or its range.

    Attributes:
        attribute: Name of the column.
        values: Counts by value, the most frequent first; None for numbers.
        minimum, maximum: Of numbers; None for words.
    """

    attribute: str
    values: dict[str, int] | None = None
    minimum: float | None = None
    maximum: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the command line shows it."""
        return asdict(self)


def facet_names(tables: Iterable[pd.DataFrame]) -> list[str]:
    """Columns that may be facets, in order."""
    names = dict.fromkeys(str(name) for table in tables for name in table.columns)
    return [name for name in names if name not in NOT_FACETS]


def count_facet(name: str, columns: Sequence[pd.Series], *, asked: bool = True) -> Facet | None:
    """Counts the values of one attribute over the cells of some products, in one or several pieces.

    Args:
        name: Of the attribute.
        columns: Its cells; several values in a cell are separated by `|`.
        asked: Whether it was asked for by name; otherwise an attribute that narrows nothing down, or has too many
            values to choose from, is None.
    """
    column = pd.concat(columns).dropna() if columns else pd.Series(dtype=object)
    if not len(column):
        return Facet(name, values={}) if asked else None
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all() and not column.map(lambda cell: isinstance(cell, (bool, np.bool_))).any():
        low, high = float(numbers.min()), float(numbers.max())
        finite = math.isfinite(low) and math.isfinite(high)
        return Facet(name, minimum=low, maximum=high) if asked or (finite and low < high) else None
    counts: Counter[str] = Counter()
    for cell, count in column[column.map(lambda cell: isinstance(cell, str) and cell != "")].value_counts().items():
        for value in {value.strip() for value in str(cell).split(SEPARATOR)} - {""}:
            counts[value] += int(count)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if not asked and (not 1 < len(ordered) <= MOST_VALUES or ordered[0][1] < 2):
        return None
    return Facet(name, values=dict(ordered[:MOST_VALUES]))
