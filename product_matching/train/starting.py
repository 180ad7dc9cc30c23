"""Heads over frozen towers that begin as a linear regression of texts on pictures, and learn on from there."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from product_matching._types import FloatArray
from product_matching.dataset import Catalog
from product_matching.layers import Projection
from product_matching.model import ProductModel

logger = logging.getLogger(__name__)
ROWS = 50_000
"""Products that the regression is fitted to at most; more would change little."""
FEWEST = 20
STRENGTHS = np.logspace(-4, 1, 21)
"""Penalties that are tried, as shares of the mean eigenvalue of the inputs."""


def begin_as_regression(model: ProductModel, catalog: Catalog, features: Mapping[str, Any]) -> bool:
    """Gives the linear parts of both heads what ridge regression finds in the vectors of frozen towers.

    Texts are turned to their principal axes, as many as the joint space has; pictures are mapped to where the
    regression expects their text. The heads' other parts begin at zero. With random heads, thousands of products are
    needed before training finds as much.

    Args:
        model: Whose heads; its towers gave the features.
        catalog: The products.
        features: As of `frozen_features`, of both towers; else nothing happens.

    Returns:
        Whether the heads begin so: not where the joint space is wider than a text's vector, or fewer than 20
        products have both a picture and a text.
    """
    if not {"image_features", "text_features"} <= features.keys() or model.dim > model.text_encoder.dim:
        return False
    pictured = np.array([bool(path) for path in catalog.image_paths()], bool)
    rows = np.flatnonzero(pictured & np.asarray(features["has_text"], bool))
    if len(rows) < FEWEST:
        return False
    rows = rows[np.linspace(0, len(rows) - 1, min(ROWS, len(rows))).astype(int)]
    images = _inputs(model.project_image, features["image_features"], rows)
    texts = _inputs(model.project_text, features["text_features"], rows)
    middle = texts.mean(axis=0)
    axes = np.linalg.eigh(np.cov(texts, rowvar=False))[1][:, ::-1][:, : model.dim]
    wanted = (texts - middle) @ axes
    kernel, strength = ridge(images - images.mean(axis=0), wanted)
    logger.info("heads begin as a regression over %d products (penalty %.2g)", len(rows), strength)
    for head, weights, centre, inputs in (
        (model.project_text, axes, middle, texts),
        (model.project_image, kernel, images.mean(axis=0), images),
    ):
        # Of the length that random heads give, so that pictures, texts and tags weigh alike in a product.
        length = np.linalg.norm((inputs - centre) @ weights, axis=1).mean()
        weights = weights * (math.sqrt(model.dim) / max(length, 1e-9))
        head.begin_as(weights, -centre @ weights)
    return True


def ridge(inputs: FloatArray, wanted: FloatArray) -> tuple[FloatArray, float]:
    """Ridge regression whose penalty generalised cross-validation chooses (Golub, Heath & Wahba 1979).

    Args:
        inputs: [N, c], centred.
        wanted: [N, d], centred.

    Returns:
        The kernel, float64 [c, d], and the penalty as a share of the mean eigenvalue.
    """
    count = len(inputs)
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    values = np.maximum(values, 0.0)
    along = vectors.T @ (inputs.T @ wanted)
    power, total = (along**2).sum(axis=1), float((wanted**2).sum())
    penalties = STRENGTHS * values.mean()
    errors = []
    for penalty in penalties:
        kept = 1 / (values + penalty)
        left = total - float((power * (2 * kept - values * kept**2)).sum())
        free = count - 1 - float((values * kept).sum())  # the mean took one
        errors.append(left / max(free, 1e-9) ** 2)
    best = int(np.argmin(errors))
    return vectors @ (along / (values + penalties[best])[:, None]), float(STRENGTHS[best])


def _inputs(head: Projection, features: FloatArray, rows: np.ndarray) -> FloatArray:
    """What the linear part of a head sees of the first view, float64 [n, c]."""
    seen = [
        np.asarray(head.normalised(np.asarray(features[part, 0], np.float32)))
        for part in np.array_split(rows, max(1, len(rows) // 4096))
    ]
    return np.concatenate(seen).astype(np.float64)
