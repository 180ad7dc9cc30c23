"""Where a model is good and where it fails: the same numbers for one part of the products after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from product_matching.dataset import Catalog
from product_matching.dataset.boilerplate import owner_column
from product_matching.dataset.inspection.languages import language
from product_matching.dataset.inspection.prices import parse_price, price_column
from product_matching.eval.baselines import COLOUR_COLUMNS, words
from product_matching.eval.judgement import Judgement
from product_matching.metrics import bootstrap_interval, recall_at, reciprocal_rank

LEAST, MOST = 20, 40
"""Products with image and text that a slice needs to be told of, and slices of one column that are told of."""
BANDS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
LENGTHS = ("shortest quarter", "second quarter", "third quarter", "longest quarter")
SIZES = ("smallest quarter", "second quarter", "third quarter", "largest quarter")
ORDER = (BANDS[0], LENGTHS[0], SIZES[0], *BANDS[1:], LENGTHS[-1], SIZES[-1])
SMALL_IMAGE = 128
WORST = 5

Slices = dict[str, dict[str, dict[str, Any]]]


def slice_metrics(
    judgement: Judgement, catalog: Catalog, *, category: str = "", least: int = LEAST, train: Catalog | None = None
) -> Slices:
    """Measures each kind of goods, brand, colour, language, price band, text length and image size by itself.

    With the training products also what is new against what is known: see `novelty_labels`.

    Args:
        judgement: Of `judge`.
        catalog: The products.
        category: Column that names the kind of goods.
        least: Products that a slice needs: of fewer, a number says nothing.
        train: Products of the training.

    Returns:
        By column, then by value, the largest first and quarters in their order: `products`, `accuracy` and
        `accuracy_interval` (95 %, bootstrap over the images), and of text to image `mrr`, `mrr_interval` and
        `recall@10`; `below`: whether the whole interval of the accuracy lies below the accuracy of all. Columns with
        one frequent value are left out.
    """
    right = judgement.accuracy_by_image()
    ranks, rows = judgement.ranks["text_to_image"], judgement.rows
    # Every product of `rows` is a query, and its own picture is in the gallery: the two are in one order.
    values = {"accuracy": right, "mrr": reciprocal_rank(ranks), "recall@10": recall_at(ranks, 10)}
    result = {}
    known = novelty_labels(catalog, train, category) if train is not None else ()
    for name, labels in (*slice_labels(catalog, category), *known):
        counts = labels.iloc[rows].value_counts()
        kept = [value for value, count in counts.items() if count >= least and value != ""][:MOST]
        if len(kept) > 1:
            chosen = labels.to_numpy()[rows]
            if kept[0].split(" (")[0] in ORDER:
                kept.sort(key=lambda value: ORDER.index(value.split(" (")[0]))
            result[name] = {str(value): _measured(values, chosen == value) for value in kept}
    return result


def worst_slices(slices: Slices, *, count: int = WORST) -> list[dict[str, Any]]:
    """The slices with the lowest accuracy that they may well have, the upper end of the interval.

    Of dozens of slices some are low by chance: those with `below` set are so likely for a reason.
    """
    found = [{"slice": name, "value": value, **one} for name, part in slices.items() for value, one in part.items()]
    return sorted(found, key=lambda one: (one["accuracy_interval"][1], one["accuracy"]))[:count]


def slice_labels(catalog: Catalog, category: str = "") -> Iterator[tuple[str, pd.Series]]:
    """Names of slices, and the value of each product: strings, `""` where it has none, in the catalogue's order."""
    table = catalog.table.reset_index(drop=True)
    yield catalog.category_column(category) or "first tag", catalog.categories(category).reset_index(drop=True)
    brand = owner_column(catalog.attributes)
    colour = next((name for name in catalog.attributes if name.lower() in COLOUR_COLUMNS), "")
    yield from ((name, table[name]) for name in (brand, colour) if name)
    texts = (table["title"] + " " + table["description"]).str.strip()
    yield "language of the text", texts.map(language)
    price = price_column(catalog.attributes)
    if price:
        yield price, _quarters(table[price].map(parse_price), BANDS)
    yield "length of the text", _quarters(texts.str.len().replace(0, np.nan), LENGTHS)
    if catalog.images:
        facts = [catalog.images.get(name) for name in catalog.first_images()]
        sides = pd.Series([np.nan if fact is None else min(fact.width, fact.height) for fact in facts])
        quarters = _quarters(sides, SIZES)
        # Shops crop to one size: then only pictures that are too small stand out.
        yield "shorter side of the picture", quarters if quarters.any() else sides.map(_size)


def novelty_labels(catalog: Catalog, train: Catalog, category: str = "") -> Iterator[tuple[str, pd.Series]]:
    """Whether training saw a product of the kind, of the brand or seller, of the family, and the words of the title."""
    for column in (catalog.category_column(category), owner_column(catalog.attributes)):
        if column and column in train.table.columns:
            seen = set(train.table[column])
            yield (
                f"{column}, to the training",
                catalog.table[column].map(lambda value, s=seen: _known(value, value in s)),
            )
    families = set(train.families().tolist())
    yield "family, to the training", pd.Series([_known("a", one in families) for one in catalog.families().tolist()])
    seen = {word for text in train.texts() for word in words(text)}
    titles = [(title, seen.issuperset(words(title))) for title in catalog.table["title"]]
    yield "words of the title, to the training", pd.Series([_known(*one, new="some new") for one in titles])


def _known(value: str, seen: bool, new: str = "new") -> str:
    return "" if value == "" else "known" if seen else new


def _quarters(numbers: pd.Series, names: tuple[str, ...]) -> pd.Series:
    """In which quarter each number lies, with the quarter's ends: `"lowest quarter (1 to 9.5)"`."""
    known = numbers.dropna()
    if known.nunique() < len(names):
        return pd.Series("", index=numbers.index)
    ends = np.quantile(known, [0, 0.25, 0.5, 0.75, 1])
    if len(np.unique(ends)) < len(ends):
        return pd.Series("", index=numbers.index)
    titles = [f"{name} ({low:.4g} to {high:.4g})" for name, low, high in zip(names, ends, ends[1:], strict=False)]
    return pd.cut(numbers, ends, labels=titles, include_lowest=True).astype(object).fillna("").astype(str)


def _size(side: float) -> str:
    if np.isnan(side):
        return ""
    return f"under {SMALL_IMAGE} pixels" if side < SMALL_IMAGE else f"{SMALL_IMAGE} pixels or more"


def _measured(values: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, Any]:
    part = {name: array[chosen] for name, array in values.items()}
    interval = bootstrap_interval(part["accuracy"])
    return {
        "products": int(chosen.sum()),
        "accuracy": float(part["accuracy"].mean()),
        "accuracy_interval": list(interval),
        "mrr": float(part["mrr"].mean()),
        "mrr_interval": list(bootstrap_interval(part["mrr"])),
        "recall@10": float(part["recall@10"].mean()),
        "below": bool(interval[1] < values["accuracy"].mean()),
    }
