"""What a model answered, pair by pair and query by query: all that numbers, slices and curves are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog, MatchPairs, match_pairs
from product_matching.eval.calibration import pair_evidence
from product_matching.eval.embedding import embed_catalog, embed_titles
from product_matching.metrics import RelevantRanks, platt_probability, query_ranks
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
    """

    pairs: MatchPairs
    probabilities: np.ndarray
    threshold: float
    rows: IntArray
    ranks: Mapping[str, RelevantRanks]
    queries: Mapping[str, IntArray]
    galleries: Mapping[str, int]

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
    scores = pair_evidence(model, views, pairs)
    probabilities = platt_probability(scores, scale=head["scale"], offset=head["offset"])
    ranks, queries, galleries = {}, {}, {}
    for name, (asked, vectors, found, gallery) in _directions(model, views, catalog, rows).items():
        groups = catalog.groups()
        ranks[name] = query_ranks(vectors, gallery, query_groups=groups[asked], gallery_groups=groups[found])
        queries[name], galleries[name] = asked[ranks[name].queries], len(found)
    return Judgement(pairs, probabilities, float(head["threshold"]), rows, ranks, queries, galleries)


def _directions(
    model: ProductModel, views: dict[str, FloatArray], catalog: Catalog, rows: IntArray
) -> dict[str, tuple[IntArray, FloatArray, IntArray, FloatArray]]:
    """Products asked for, vectors of the queries, products in the gallery, their vectors."""
    texts, images = views["text"][rows], views["image"][rows]
    found = {"text_to_image": (rows, texts, rows, images), "image_to_text": (rows, images, rows, texts)}
    titled = np.flatnonzero(catalog.table["title"] != "")
    if len(titled):
        titles = embed_titles(model, catalog)[titled]
        found["text_to_product"] = (titled, titles, np.arange(len(catalog)), views["product"])
    return found
