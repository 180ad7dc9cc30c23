"""From scores to honest probabilities: calibration and threshold, on validation products."""

from __future__ import annotations

import numpy as np

from product_matching._types import FloatArray
from product_matching.dataset import Catalog, MatchPairs, match_pairs
from product_matching.eval.embedding import embed_catalog
from product_matching.metrics import best_threshold, fit_platt, platt_probability
from product_matching.model import ProductModel

PAIRS, MOST_DRAWS = 20_000, 10
"""About how many pairs to calibrate on: of few products the false pairs are drawn several times, as one draw of some
thousand moves the threshold by chance."""


def calibrate(model: ProductModel, catalog: Catalog, *, category: str = "", seed: int = 0) -> dict[str, float]:
    """Fits the calibration and chooses the threshold with the best accuracy.

    Args:
        model: Trained; its match head is changed.
        catalog: Validation products: neither trained on nor reported on.
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
    labels = np.concatenate([pairs.label for pairs in draws])
    scores = np.concatenate([pair_scores(model, views, pairs) for pairs in draws])
    scale, offset = fit_platt(labels, scores)
    probabilities = platt_probability(scores, scale=scale, offset=offset)
    threshold = best_threshold(labels, probabilities, aim="accuracy")
    model.head.calibrate(scale, offset, min(threshold, 1.0))
    return model.head.parameters()


def pair_scores(model: ProductModel, views: dict[str, FloatArray], pairs: MatchPairs) -> FloatArray:
    """score(image, text) of each pair: float32 [P]."""
    head = model.head.parameters()
    inner = (views["image"][pairs.image] * views["text"][pairs.text]).sum(axis=1)
    return head["temperature"] * inner + head["bias"]
