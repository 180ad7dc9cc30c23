"""From a question to a page of an answer: grouping, diversity, what counts as a match, facets, pages that hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from product_matching._types import FloatArray
from product_matching.errors import DataError, unknown_name
from product_matching.search.diversity import marginal_order
from product_matching.search.facets import ALL, Facet, count_facet, facet_names
from product_matching.search.product_table import Hit
from product_matching.search.question import Answer, Part, Question
from product_matching.search.ranking import Ranking

VARIED = 100
"""So many of the best are put in another order for diversity; the others follow as they are."""


def answer(parts: Sequence[Part], question: Question) -> Answer:
    """Answers a question from one index or several. A page is a slice of one order: it does not depend on k.

    Raises:
        DataError: If an attribute to group by or to count is in none of them.
    """
    _check_names(parts, question)
    near = Ranking.joined([_candidates(part, question) for part in parts])
    matched = bool(question.matches(near).any())
    ranking = _ranking(near, parts, question)
    shown = ranking.take(slice(question.offset, question.offset + question.k))
    hits = [_hit(rank, row, parts, question.group_by) for rank, row in enumerate(shown.rows(), question.offset + 1)]
    if not question.facets:
        return Answer(hits, matched)
    return Answer(hits, matched, *_counted(parts, question))


def _ranking(near: Ranking, parts: Sequence[Part], question: Question) -> Ranking:
    """The whole order, at least as far as the page's end; what is near goes first, whatever the page."""
    first = _selected(near, parts, question)
    varied = _varied(first, parts, question)
    if len(first) >= question.offset + question.k or len(near) == sum(part.index.size for part in parts):
        return varied
    rest = Ranking.joined([_candidates(part, question, whole=True) for part in parts])
    longer = _selected(near.followed_by(rest), parts, question)
    return varied.followed_by(longer)


def _selected(ranking: Ranking, parts: Sequence[Part], question: Question) -> Ranking:
    if question.only_matches:
        ranking = ranking.take(question.matches(ranking))
    if not question.group_by:
        return ranking
    return ranking.take(_first_of_each(_keys(ranking, parts, question.group_by)))


def _varied(ranking: Ranking, parts: Sequence[Part], question: Question) -> Ranking:
    count = min(VARIED, len(ranking))
    if not question.diversity or count < 2:
        return ranking
    best = ranking.take(np.arange(count))
    rows = [parts[part].index.exact.rows(place) for part, place in zip(best.part, best.place, strict=True)]
    order = marginal_order(_relevance(best, question), np.stack(rows), question.diversity)
    return ranking.take(np.concatenate([order, np.arange(count, len(ranking))]))


def _relevance(ranking: Ranking, question: Question) -> FloatArray:
    """The order on the scale of a cosine: words of weight 16 would outweigh any unlikeness."""
    share = question.share if question.text.strip() else 0.0
    return ranking.order / (1 + share * (ranking.word_weight + ranking.text_weight))


def _candidates(part: Part, question: Question, *, whole: bool = False, unfiltered: bool = False) -> Ranking:
    return part.index.candidates(
        question.vector,
        question.text,
        share=question.share,
        sides=question.sides,
        filters=() if unfiltered else part.filters,
        exclude_ids=part.hidden,
        whole=whole,
    )


def _hit(rank: int, row: tuple[Any, ...], parts: Sequence[Part], group_by: str) -> Hit:
    number, place, *found = row
    products = parts[number].index.products
    hit = products.hit(rank, place, *found)
    key = products.values(group_by)[place] if group_by and group_by in products.attributes.columns else None
    return hit if key is None else replace(hit, variants=_variants(parts, group_by, key, hit.product_id))


def _keys(ranking: Ranking, parts: Sequence[Part], name: str) -> list[object]:
    """What each product is grouped by; one that lacks it stands for itself."""
    tables = [part.index.products for part in parts]
    values = [table.values(name) if name in table.attributes.columns else [None] * len(table) for table in tables]
    pairs = zip(ranking.part.tolist(), ranking.place.tolist(), strict=True)
    return [(part, place) if values[part][place] is None else values[part][place] for part, place in pairs]


def _first_of_each(keys: Sequence[object]) -> np.ndarray:
    first: dict[object, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    return np.array(sorted(first.values()), np.int64)


def _variants(parts: Sequence[Part], name: str, key: str, shown: str) -> tuple[str, ...]:
    """The other products of the group that meet the filters, in the order of the catalogue."""
    found: list[str] = []
    for part in parts:
        rows = part.index.products.rows_of(name, key) if name in part.index.products.attributes.columns else []
        allowed = part.index.allowed(part.filters, part.hidden) if rows else ()
        found += [part.index.product_ids[row] for row in rows if allowed[row]]
    return tuple(one for one in found if one != shown)


def _counted(parts: Sequence[Part], question: Question) -> tuple[int, list[Facet]]:
    """How many products match, and the facets.

    A facet counts the products that meet the conditions on all other attributes: it tells what one more value
    would add.
    """
    rankings = [_candidates(part, question, whole=True, unfiltered=True) for part in parts]
    matching = [(part, ranking.place[question.matches(ranking)]) for part, ranking in zip(parts, rankings, strict=True)]
    total = sum(int(part.index.allowed(part.filters, part.hidden)[places].sum()) for part, places in matching)
    asked = ALL not in question.facets
    names = question.facets if asked else facet_names(part.index.products.frame for part in parts)
    found = []
    for name in dict.fromkeys(names):
        there = [(part, places) for part, places in matching if name in part.index.products.attributes.columns]
        found.append(count_facet(name, [_cells(name, part, places) for part, places in there], asked=asked))
    return total, [facet for facet in found if facet is not None]


def _cells(name: str, part: Part, places: np.ndarray) -> pd.Series:
    others = [condition for condition in part.filters if condition.attribute != name]
    kept = np.sort(places[part.index.allowed(others, part.hidden)[places]])
    return part.index.products.frame[name].iloc[kept]


def _check_names(parts: Sequence[Part], question: Question) -> None:
    wanted = [*([question.group_by] if question.group_by else []), *(n for n in question.facets if n != ALL)]
    if not wanted:
        return
    known = dict.fromkeys(str(name) for part in parts for name in part.index.products.attributes.columns)
    for name in wanted:
        if name not in known:
            raise DataError(unknown_name("attribute", name, known))
