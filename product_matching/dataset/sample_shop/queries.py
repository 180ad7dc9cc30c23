"""Questions a shopper would type, with the attributes that a right answer has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from product_matching.dataset.sample_shop.kinds import KINDS
from product_matching.dataset.sample_shop.vocabulary import COLOURS, PATTERNS
from product_matching.errors import DataError

_ASKED = (("kind", "colour", "pattern"), ("kind", "colour"), ("kind", "pattern"))


@dataclass(frozen=True)
class AttributeQuery:
    """A query in words.

    Attributes:
        text: what is typed, such as "red striped mug" or "红色条纹马克杯".
        attributes: what every right answer has: {"kind": "mug", "colour": "red", "pattern": "striped"}.
    """

    text: str
    attributes: dict[str, str]


class AttributePrecision(NamedTuple):
    """How well results fit the queries.

    Attributes:
        each: share of asked attributes that a result has, 0..1, averaged over results, then over queries.
        all: share of results that have every asked attribute, 0..1, averaged over queries.
    """

    each: float
    all: float


def attribute_queries(
    catalog: pd.DataFrame,
    *,
    language: Literal["en", "zh"],
    count: int = 50,
    seed: int = 0,
    at_least: int = 10,
) -> list[AttributeQuery]:
    """Draws distinct queries for kind and colour, kind and pattern, or all three.

    Args:
        catalog: the sample shop's catalogue, or a part of it.
        language: language of the text.
        count: number of queries.
        seed: seed of the draw; both languages ask for the same attributes.
        at_least: the number of rows that hold all attributes of a query.

    Raises:
        DataError: if the table has fewer such combinations than `count`.
    """
    known = [
        dict(zip(names, values, strict=True))
        for names in _ASKED
        for values, rows in catalog.groupby(list(names), sort=True).size().items()
        if rows >= at_least
    ]
    if len(known) < count:
        raise DataError(
            f"Asked for {count} attribute queries, but only {len(known)} combinations of kind, colour and "
            f"pattern have {at_least} products or more. Ask for fewer, lower at_least, or make a larger shop."
        )
    order = np.random.default_rng(seed).permutation(len(known))[:count]
    return [AttributeQuery(_text(known[place], language), known[place]) for place in order]


def attribute_precision(
    queries: Sequence[AttributeQuery], results: Sequence[Sequence[str]], catalog: pd.DataFrame
) -> AttributePrecision:
    """Compares the attributes asked for with those of the products found.

    Args:
        queries: the queries.
        results: the product ids found for each query; none at all counts as 0.
        catalog: a table with `product_id` and the asked attributes.

    Raises:
        DataError: if there is not one list of results a query, or a product is not in the table.
    """
    if not queries or len(results) != len(queries):
        raise DataError(f"Needs one list of results for each query: {len(queries)} queries, {len(results)} lists came.")
    rows = catalog.set_index("product_id").to_dict("index")
    scores = [_score(query.attributes, found, rows) for query, found in zip(queries, results, strict=True)]
    each, whole = np.mean(scores, axis=0)
    return AttributePrecision(float(each), float(whole))


def _score(
    asked: Mapping[str, str], found: Sequence[str], rows: Mapping[str, Mapping[str, object]]
) -> tuple[float, float]:
    unknown = [product for product in found if product not in rows]
    if unknown:
        raise DataError(f"Results name product {unknown[0]!r}, which the catalogue of {len(rows)} products lacks.")
    if not found:
        return 0.0, 0.0
    holds = np.array([[rows[product][name] == value for name, value in asked.items()] for product in found])
    return float(holds.mean()), float(holds.all(axis=1).mean())


def _text(attributes: Mapping[str, str], language: str) -> str:
    kind = KINDS[attributes["kind"]]
    words = [
        table[attributes[name]] for name, table in (("colour", COLOURS), ("pattern", PATTERNS)) if name in attributes
    ]
    if language == "zh":
        return "".join([*(word.chinese[0] for word in words), kind.chinese[0]])
    return " ".join([*(word.before[0] for word in words), kind.nouns[0]])
