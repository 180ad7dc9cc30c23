"""The same products found in two catalogues, or twice in one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from product_matching._types import FloatArray, IntArray
from product_matching.errors import ConfigError, DataError
from product_matching.model.reranker.weights import WordWeights
from product_matching.search.linking.assignment import one_to_one as assign
from product_matching.search.linking.blocking import by_vectors, by_words, unique_pairs
from product_matching.search.linking.reasons import reason

COLUMNS = ("left_id", "right_id", "probability", "reason")


@dataclass(frozen=True)
class Listings:
    """One of the catalogues.

    Attributes:
        ids: N ids.
        records: What each listing says: from the column's name to the cell, `""` where there is nothing.
        vectors: float32 [N, D], where a model of products gave them.
    """

    ids: Sequence[str]
    records: Sequence[Mapping[str, str]]
    vectors: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def texts(self) -> list[str]:
        """All cells but the image's, in a row."""
        return [" ".join(cell for name, cell in record.items() if cell and name != "image") for record in self.records]


@dataclass(frozen=True)
class Links:
    """What was found.

    Attributes:
        table: `COLUMNS`, the most probable first.
        candidates: Pairs that were scored, int64 [M, 2].
    """

    table: pd.DataFrame
    candidates: IntArray


def link_listings(
    left: Listings,
    right: Listings | None,
    probability: Callable[[IntArray], FloatArray],
    *,
    threshold: float,
    k: int = 10,
    blend: int = 0,
    one_to_one: bool = False,
) -> Links:
    """Finds pairs that are probably one product.

    Candidates are, for each product of either, the k nearest of the other catalogue by words and, where there are
    vectors, by these.

    Args:
        left: A catalogue.
        right: Another one; `None`: near-duplicates within `left`, each pair once.
        probability: From candidates int64 [M, 2] to probabilities float [M].
        threshold: Pairs below it are left out.
        k: Candidates for each product.
        blend: Neighbours that a vector is blended with to look a second time, see `by_vectors`; 0: none.
        one_to_one: No product in two pairs.

    Raises:
        ConfigError: If k is below 1, blend is below 0 or asked for without vectors, or one-to-one is asked for within
            one catalogue.
        DataError: If a catalogue is empty.
    """
    if k < 1:
        raise ConfigError(f"k must be 1 or more, not {k}.")
    if blend < 0:
        raise ConfigError(f"blend must be 0 or more, not {blend}.")
    if one_to_one and right is None:
        raise ConfigError("One-to-one joins two catalogues; within one, a product may have several duplicates.")
    other = left if right is None else right
    if not len(left) or not len(other):
        raise DataError("There is no product to link: a catalogue is empty.")
    candidates = find_candidates(left, right, k=k, blend=blend)
    probabilities = np.asarray(probability(candidates), np.float64)
    kept = np.flatnonzero(probabilities >= threshold)
    if one_to_one:
        # A pair at probability 0 would be worth no more than none at all.
        kept = kept[assign(candidates[kept], np.maximum(probabilities[kept], 1e-9))]
    kept = kept[np.argsort(-probabilities[kept], kind="stable")]
    weights = WordWeights.learn([*left.texts(), *other.texts()])
    rows = [
        (left.ids[i], other.ids[j], float(p), reason(left.records[i], other.records[j], weights))
        for (i, j), p in zip(candidates[kept], probabilities[kept], strict=True)
    ]
    return Links(pd.DataFrame(rows, columns=list(COLUMNS)), candidates)


def find_candidates(left: Listings, right: Listings | None, *, k: int, blend: int = 0) -> IntArray:
    """Pairs that are worth a look: int64 [M, 2]; within one catalogue the first row is the smaller."""
    other, more = (left, k + 1) if right is None else (right, k)  # each product finds itself
    found = [by_words(left.texts(), other.texts(), k=more)]
    if left.vectors is not None and other.vectors is not None:
        found.append(by_vectors(left.vectors, other.vectors, k=more, blend=blend))
    elif blend:
        raise ConfigError("Only vectors can be blended, and a model of pairs gives none: leave blend out.")
    pairs = np.concatenate(found)
    if right is None:
        pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    return unique_pairs(pairs)


def measure_links(
    links: Links, left: Listings, right: Listings | None, truth: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Compares with pairs of ids that are known to be one product.

    Returns:
        `precision`, `recall`, `f1`; `blocking_recall`, the share of them among the candidates; `truth`, their number.

    Raises:
        DataError: If an id is in no catalogue.
    """
    other = left if right is None else right
    known = [set(left.ids), set(other.ids)]
    for pair in truth:
        for name, side, ids in zip(("left", "right"), pair, known, strict=True):
            if side not in ids:
                raise DataError(f"The truth names the {name} product {side!r}, which is not in the {name} catalogue.")
    wanted = {_key(pair, within=right is None) for pair in truth}
    called = {
        _key(pair, within=right is None) for pair in zip(links.table["left_id"], links.table["right_id"], strict=True)
    }
    seen = {_key((left.ids[i], other.ids[j]), within=right is None) for i, j in links.candidates}
    hits = len(wanted & called)
    return {
        "precision": hits / len(called) if called else 0.0,
        "recall": hits / len(wanted) if wanted else 0.0,
        "f1": 2 * hits / (len(called) + len(wanted)) if called or wanted else 0.0,
        "blocking_recall": len(wanted & seen) / len(wanted) if wanted else 0.0,
        "truth": len(wanted),
    }


def _key(pair: tuple[str, str], *, within: bool) -> tuple[str, str]:
    return tuple(sorted(pair)) if within else tuple(pair)
