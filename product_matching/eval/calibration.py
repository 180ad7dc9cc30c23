"""From scores to honest probabilities: calibration and threshold, on validation products."""

from __future__ import annotations

import numpy as np
from keras import ops

from product_matching._types import FloatArray
from product_matching.dataset import Catalog, MatchPairs, match_pairs
from product_matching.eval.embedding import embed_catalog
from product_matching.metrics import best_threshold, fit_platt, platt_probability
from product_matching.model import ProductModel

CHUNK = 1024
PAIRS, MOST_DRAWS = 20_000, 10
"""About how many pairs to calibrate on: of few products the false pairs are drawn several times, as one draw of some
thousand moves the threshold by chance."""


def calibrate(
    model: ProductModel, catalog: Catalog, *, references: Catalog | None = None, category: str = "", seed: int = 0
) -> dict[str, float]:
    """Fits the calibration and chooses the threshold with the best accuracy.

    Args:
        model: Trained; its match head is changed.
        catalog: Validation products: neither trained on nor reported on.
        references: Training products, to which reach is measured from here on (see `layers.Reach`); without, it stays
            as it is.
        category, seed: As of `match_pairs`.

    Returns:
        The head's parameters.

    Raises:
        DataError: If there are too few products to draw pairs from.
    """
    first = match_pairs(catalog, category=category, seed=seed)
    more = range(seed + 1, seed + min(PAIRS // len(first), MOST_DRAWS))
    draws = [first, *(match_pairs(catalog, category=category, seed=draw) for draw in more)]
    views = embed_catalog(model, catalog)
    if references is not None and model.head.reach is not None:
        _remember(model, references, views)
    pairs = MatchPairs.joined(draws)
    scores = pair_evidence(model, views, pairs)
    scale, offset = fit_platt(pairs.label, scores)
    probabilities = platt_probability(scores, scale=scale, offset=offset)
    threshold = best_threshold(pairs.label, probabilities, aim="accuracy")
    model.head.calibrate(scale, offset, min(threshold, 1.0))
    return model.head.parameters()


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


def _remember(model: ProductModel, references: Catalog, known: dict[str, FloatArray]) -> None:
    """Makes training products the references: some of them, spread over the catalogue."""
    step = max(1, len(references) // model.head.reach.count)
    views = embed_catalog(model, references.take(np.arange(0, len(references), step)))
    banks = [vectors[np.abs(vectors).sum(axis=1) > 0] for vectors in (views["image"], views["text"])]
    model.head.reach.remember(*banks, typical=0.0)
    model.head.reach.typical.assign(float(np.mean([_reach(model, known[view]).mean() for view in ("image", "text")])))


def pair_scores(model: ProductModel, views: dict[str, FloatArray], pairs: MatchPairs) -> FloatArray:
    """score(image, text) of each pair: float32 [P]."""
    head = model.head.parameters()
    inner = (views["image"][pairs.image] * views["text"][pairs.text]).sum(axis=1)
    return head["temperature"] * inner + head["bias"]
