"""Which kinds of goods are taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog

CHUNK, MOST = 512, 12


def confusions(catalog: Catalog, views: dict[str, FloatArray], rows: IntArray, *, category: str = "") -> dict[str, Any]:
    """Asks for each picture by its text, and compares the kind of the first result with that of the wanted one.

    Args:
        catalog: The products.
        views: Their vectors.
        rows: Those with image and text.
        category: Column that names the kind of goods.

    Returns:
        `same_kind`: share of the queries whose first result is of the wanted kind; `most`: the most frequent
        mistakes as `{"wanted", "found", "queries", "of"}`, `of` being all queries for the wanted kind.
    """
    kinds = catalog.categories(category).to_numpy().astype(str)[rows]
    first = np.concatenate([
        np.argmax(views["text"][rows[start : start + CHUNK]] @ views["image"][rows].T, axis=1)
        for start in range(0, len(rows), CHUNK)
    ])  # fmt: skip
    pairs = pd.DataFrame({"wanted": kinds, "found": kinds[first]})
    asked = pairs["wanted"].value_counts()
    wrong = pairs[pairs["wanted"] != pairs["found"]].value_counts()
    most = [
        {"wanted": wanted, "found": found, "queries": int(count), "of": int(asked[wanted])}
        for (wanted, found), count in wrong.head(MOST).items()
    ]
    return {"same_kind": float((pairs["wanted"] == pairs["found"]).mean()), "most": most}
