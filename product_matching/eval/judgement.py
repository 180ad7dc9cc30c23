"""What a model answered, pair by pair and query by query: all that numbers, slices and curves are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog, MatchPairs, match_pairs
from product_matching.eval.calibration import evidence_probability, pair_evidence
from product_matching.eval.embedding import embed_catalog
from product_matching.eval.galleries import Gallery, Ranker
from product_matching.eval.queries import Alike, Question, answer, answer_alike, questions, questions_alike
from product_matching.metrics import RelevantRanks, Searched
from product_matching.model import ProductModel


@dataclass(frozen=True)
class Judgement:
    """The answers of a model about N products.

    Attributes:
        pairs: The questions "does this image belong to this text?".
        probabilities: float64 [P], the answers.
        threshold: From which probability on the model says yes.
        rows: int64 [M], the products that have an image and a text.
        ranks: By direction (`text_to_image`, …), where the wanted products stand.
        queries: By direction, the product that each query is of: int64 [Q].
        galleries: By direction, among how many products was searched.
        searched: By direction, the first results too, as rows of the catalogue.
        lists: By the name of `Alike` and by column, the numbers of `list_metrics`.
        asked, alike: What was asked, to ask it of other products.
        ranker: What ranks products.
    """

    pairs: MatchPairs
    probabilities: np.ndarray
    threshold: float
    rows: IntArray
    ranks: Mapping[str, RelevantRanks]
    queries: Mapping[str, IntArray]
    galleries: Mapping[str, int]
    searched: Mapping[str, Searched] = field(default_factory=dict)
    lists: Mapping[str, Mapping[str, dict[str, Any]]] = field(default_factory=dict)
    asked: Sequence[Question] = ()
    alike: Sequence[Alike] = ()
    ranker: Ranker = field(default_factory=lambda: Ranker({}))

    @property
    def right(self) -> np.ndarray:
        """Whether each pair was answered rightly: bool [P]."""
        return (self.probabilities >= self.threshold) == self.pairs.label.astype(bool)

    def accuracy_by_image(self) -> np.ndarray:
        """The share of right answers about each image, in the order of `rows`: float64 [M].

        The pairs of one image are not independent; the images are, so these are what is resampled.
        """
        places = np.searchsorted(self.rows, self.pairs.image)
        return np.bincount(places, weights=self.right) / np.bincount(places)


def judge(
    model: ProductModel,
    catalog: Catalog,
    *,
    category: str = "",
    seed: int = 0,
    views: dict[str, FloatArray] | None = None,
) -> Judgement:
    """Puts the questions of `evaluate` to a model.

    Args:
        model: A trained model.
        catalog: Held-out products.
        category: Column that names the kind of goods; by default a well-known one, else the first tag.
        seed: Seed of the pairs: two models that are asked with the same one are asked the same.
        views: The products' vectors, where `embed_catalog` has made them already.

    Raises:
        DataError: If fewer than two different products have both image and text.
    """
    pairs = match_pairs(catalog, category=category, seed=seed)
    rows = np.unique(pairs.image)
    views = views or embed_catalog(model, catalog)
    head = model.head.parameters()
    probabilities = evidence_probability(model, pair_evidence(model, views, pairs))
    asked = list(questions(model, catalog, views, rows))
    alike = list(questions_alike(model, catalog, views, category=category))
    return Judgement(
        pairs,
        probabilities,
        float(head["threshold"]),
        rows,
        **ask(asked, alike, catalog, Gallery(Ranker.of(model), catalog, views)),
    )


def ask(asked: Sequence[Question], alike: Sequence[Alike], asked_of: Catalog, gallery: Gallery) -> dict[str, Any]:
    """Puts questions about the products of `asked_of` to those of a gallery.

    Returns:
        The fields of a `Judgement` from `ranks` on.
    """
    found = {one.name: (one, *answer(one, asked_of, gallery)) for one in asked}
    lists: dict[str, dict[str, dict[str, Any]]] = {}
    for one in alike:
        numbers = answer_alike(one, asked_of, gallery)
        if numbers:
            lists.setdefault(one.name, {})[one.column] = numbers
    return {
        "ranks": {name: searched.ranks for name, (_, searched, _) in found.items()},
        "queries": {name: one.asked[searched.ranks.queries] for name, (one, searched, _) in found.items()},
        "galleries": {name: count for name, (_, _, count) in found.items()},
        "searched": {name: searched for name, (_, searched, _) in found.items()},
        "lists": lists,
        "asked": asked,
        "alike": alike,
        "ranker": gallery.ranker,
    }
