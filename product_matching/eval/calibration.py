"""From scores to honest probabilities: calibration and threshold, on validation products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from product_matching._types import FloatArray
from product_matching.dataset import Catalog, MatchPairs, match_pairs
from product_matching.eval.embedding import embed_catalog
from product_matching.metrics import (
    best_threshold,
    fit_isotonic,
    fit_platt,
    isotonic_probability,
    platt_probability,
    threshold_table,
)
from product_matching.model import ProductModel


class Calibration(NamedTuple):
    """What calibration found.

    Attributes:
        head: The parameters of the match head.
        thresholds: Of `threshold_table`.
    """

    head: dict[str, float]
    thresholds: dict[str, Any]


Embed = Callable[[ProductModel, Catalog], dict[str, FloatArray]]
CHUNK = 1024
PAIRS, MOST_DRAWS = 20_000, 10
"""About how many pairs to calibrate on: of few products the false pairs are drawn several times, as one draw of some
thousand moves the threshold by chance."""


def calibrate(
    model: ProductModel,
    catalog: Catalog,
    *,
    references: Catalog | None = None,
    category: str = "",
    seed: int = 0,
    embed: Embed | None = None,
) -> Calibration:
    """Fits the calibration and chooses the threshold with the best accuracy, and those of other aims.

    Args:
        model: Trained; its match head is changed.
        catalog: Validation products: neither trained on nor reported on.
        references: Training products, to which reach is measured from here on (see `layers.Reach`); without, it stays
            as it is.
        category, seed: As of `match_pairs`.
        embed: Gives the vectors of products instead of `embed_catalog`, for a caller that has them already.

    Returns:
        The head's parameters, and the thresholds for a bundle's manifest.

    Raises:
        DataError: If there are too few products to draw pairs from.
    """
    first = match_pairs(catalog, category=category, seed=seed)
    more = range(seed + 1, seed + min(PAIRS // len(first), MOST_DRAWS))
    draws = [first, *(match_pairs(catalog, category=category, seed=draw) for draw in more)]
    embed = embed or embed_catalog
    views = embed(model, catalog)
    if references is not None and model.head.reach is not None:
        _remember(model, references, views, embed)
    pairs = MatchPairs.joined(draws)
    scores = pair_evidence(model, views, pairs)
    scale, offset = fit_platt(pairs.label, scores)
    model.head.calibrate(scale, offset, 0.5)
    if model.head.curve is not None:
        _fit_curve(model, pairs, scores)
    probabilities = evidence_probability(model, scores)
    threshold = best_threshold(pairs.label, probabilities, aim="accuracy")
    model.head.calibrate(scale, offset, min(threshold, 1.0))
    kinds = catalog.categories(category).to_numpy().astype(str)[pairs.image]
    return Calibration(model.head.parameters(), threshold_table(pairs.label, probabilities, kinds))


def evidence_probability(model: ProductModel, scores: FloatArray) -> np.ndarray:
    """The calibrated probabilities, float64 [P], of what `pair_evidence` gives."""
    head, curve = model.head.parameters(), model.head.curve_points()
    if curve:
        return isotonic_probability(scores, (curve["scores"], curve["probabilities"]))
    return platt_probability(scores, scale=head["scale"], offset=head["offset"])


def _fit_curve(model: ProductModel, pairs: MatchPairs, scores: FloatArray) -> None:
    levels, probabilities = fit_isotonic(pairs.label, scores)
    # The ends of the curve say 0 and 1 of the pairs that were seen; of the next one nobody is that sure.
    least = 1 / (len(pairs) + 2)
    model.head.calibrate_curve(levels, probabilities.clip(least, 1 - least))


def pair_evidence(model: ProductModel, views: dict[str, FloatArray], pairs: MatchPairs) -> FloatArray:
    """The score of each pair, less what either side's reach makes of it: float32 [P]; what calibration maps."""
    scores = pair_scores(model, views, pairs)
    if model.head.reach is None:
        return scores
    images, texts = (_reach(model, views[view]) for view in ("image", "text"))
    return scores - model.head.parameters()["temperature"] * 0.5 * (images[pairs.image] + texts[pairs.text])


def _reach(model: ProductModel, vectors: FloatArray) -> FloatArray:
    starts = range(0, max(len(vectors), 1), CHUNK)
    return np.concatenate([ops.convert_to_numpy(model.head.reach(vectors[at : at + CHUNK])) for at in starts])


def _remember(model: ProductModel, references: Catalog, known: dict[str, FloatArray], embed: Embed) -> None:
    """Makes training products the references: some of them, spread over the catalogue."""
    step = max(1, len(references) // model.head.reach.count)
    views = embed(model, references.take(np.arange(0, len(references), step)))
    banks = [vectors[np.abs(vectors).sum(axis=1) > 0] for vectors in (views["image"], views["text"])]
    model.head.reach.remember(*banks, typical=0.0)
    model.head.reach.typical.assign(float(np.mean([_reach(model, known[view]).mean() for view in ("image", "text")])))


def pair_scores(model: ProductModel, views: dict[str, FloatArray], pairs: MatchPairs) -> FloatArray:
    """score(image, text) of each pair: float32 [P]."""
    head = model.head.parameters()
    inner = (views["image"][pairs.image] * views["text"][pairs.text]).sum(axis=1)
    return head["temperature"] * inner + head["bias"]
