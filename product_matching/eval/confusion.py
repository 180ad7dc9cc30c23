"""Which kinds of goods are taken for which."""

from __future__ import annotations

from typing import Any

import pandas as pd

from product_matching._types import IntArray
from product_matching.dataset import Catalog

MOST, KINDS = 12, 12
"""Mistakes that are listed, and kinds that have a row of their own in the matrix."""
OTHERS = "others"


def confusions(catalog: Catalog, rows: IntArray, first: IntArray, *, category: str = "") -> dict[str, Any]:
    """Compares the kind of the first picture that each text finds with that of the wanted one.

    Args:
        catalog: The products.
        rows: int64 [Q], whose text was asked with.
        first: int64 [Q], whose picture came first.
        category: Column that names the kind of goods.

    Returns:
        `same_kind`: share of the queries whose first result is of the wanted kind; `most`: the most frequent
        mistakes as `{"wanted", "found", "queries", "of"}`, `of` being all queries for the wanted kind; `matrix`:
        `kinds`, those most asked for and, where there are more, `"others"`, and `counts`, the queries that wanted the
        kind of the row and found that of the column first.
    """
    kinds = catalog.categories(category).to_numpy().astype(str)
    pairs = pd.DataFrame({"wanted": kinds[rows], "found": kinds[first]})
    asked = pairs["wanted"].value_counts()
    wrong = pairs[pairs["wanted"] != pairs["found"]].value_counts()
    most = [
        {"wanted": wanted, "found": found, "queries": int(count), "of": int(asked[wanted])}
        for (wanted, found), count in wrong.head(MOST).items()
    ]
    same = float((pairs["wanted"] == pairs["found"]).mean())
    return {"same_kind": same, "most": most, "matrix": _matrix(pairs, list(asked.index[:KINDS]))}


def _matrix(pairs: pd.DataFrame, kinds: list[str]) -> dict[str, Any]:
    named = pairs.where(pairs.isin(kinds), OTHERS)
    shown = kinds if named.isin(kinds).all(axis=None) else [*kinds, OTHERS]
    counts = pd.crosstab(named["wanted"], named["found"]).reindex(index=shown, columns=shown, fill_value=0)
    return {"kinds": shown, "counts": counts.to_numpy().tolist()}
