"""What plain knowledge gets: chance, and someone who sees one attribute, perfectly, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog, MatchPairs
from product_matching.metrics import best_threshold, match_metrics, retrieval_metrics
from product_matching.text.bm25 import BM25

COLOUR_COLUMNS = ("colour", "color", "basecolour", "basecolor", "colour_master")

WORD_QUERIES = 2_000
MOST_QUERIES = 5_000
"""Queries of a baseline: as sure as needed, and the same time however large the table is."""


def baseline_columns(catalog: Catalog, category: str = "") -> list[str]:
    """The columns to compare with: the kind of goods and the colour, where the table has them."""
    colours = [column for column in catalog.attributes if column.lower() in COLOUR_COLUMNS]
    return [column for column in (catalog.category_column(category), *colours[:1]) if column]


def chance_baseline(pairs: MatchPairs, rows: IntArray, groups: IntArray) -> dict[str, Any]:
    """Guessing: accuracy of the larger class, and a random order."""
    return _baseline(np.zeros(len(groups), dtype=int), pairs, rows, groups)


def attribute_baseline(
    catalog: Catalog, column: str, pairs: MatchPairs, rows: IntArray, groups: IntArray
) -> dict[str, Any]:
    """Reads one attribute of image and text without a mistake: a pair matches if it agrees.

    A model that sees only this attribute cannot do better.

    Args:
        catalog: The products.
        column: The attribute.
        pairs: The questions that the model is asked too.
        rows: Products with an image and a text.
        groups: int64 [N].
    """
    codes, _ = pd.factorize(catalog.table[column])
    return _baseline(codes, pairs, rows, groups)


def word_baseline(catalog: Catalog) -> dict[str, Any]:
    """What a search by words (BM25, Robertson et al., 1994) finds: each title asked among all that is written of the
    products, their own titles included, as `text_to_product` asks the model; `{}` where no title has a word.

    Words are lower-cased runs of letters and digits; Chinese characters go in pairs. Of more than `WORD_QUERIES`
    titles, so many are drawn.
    """
    table = catalog.table
    titled = np.flatnonzero([bool(words(title)) for title in table["title"]])
    if not len(titled):
        return {}
    documents = (table["title"] + " " + table["description"] + " " + table["tags"].str.replace("|", " ")).map(words)
    retriever = BM25()
    retriever.index([one or [""] for one in documents], show_progress=False)
    groups, titled = catalog.groups(), sample_rows(titled, WORD_QUERIES)
    first = np.array(
        [_first_rank(retriever.get_scores(words(table["title"].iloc[row])), groups == groups[row]) for row in titled]
    )
    recalls = {f"recall@{k}": float((first <= k).mean()) for k in (1, 5, 10)}
    return {**recalls, "mrr": float((1 / first).mean()), "queries": len(titled), "gallery": len(catalog)}


def _first_rank(scores: FloatArray, wanted: np.ndarray) -> int:
    """The rank of the best wanted product; of equal scores, the first in the catalogue stands first."""
    places = np.flatnonzero(wanted)
    best = places[np.argmax(scores[places])]
    return 1 + int((scores > scores[best]).sum()) + int((scores[:best] == scores[best]).sum())


def words(text: str) -> list[str]:
    """Runs of letters and digits in lower case, and pairs of Chinese characters."""
    found = []
    for run in re.findall(r"[\u3400-\u9fff]+|[^\W_]+", text.lower()):
        if "\u3400" <= run[0] <= "\u9fff" and len(run) > 1:
            found += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            found.append(run)
    return found


def _baseline(codes: IntArray, pairs: MatchPairs, rows: IntArray, groups: IntArray) -> dict[str, Any]:
    agree = (codes[pairs.image] == codes[pairs.text]).astype(float)
    threshold = best_threshold(pairs.label, agree) if agree.any() and not agree.all() else 0.5
    # Products that agree score 1, others 0: as inner products of one-hot vectors, ties in random order.
    one_hot = np.eye(codes.max() + 1, dtype=np.float32)[codes[rows]]
    asked = sample_rows(np.arange(len(rows)), MOST_QUERIES)
    retrieved = retrieval_metrics(
        one_hot[asked], one_hot, query_groups=groups[rows][asked], gallery_groups=groups[rows], ties="random"
    )
    return {**match_metrics(pairs.label, agree, threshold=threshold), "text_to_image": retrieved}


def sample_rows(rows: IntArray, most: int) -> IntArray:
    """At most so many of the rows, in their order."""
    return rows if len(rows) <= most else np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
