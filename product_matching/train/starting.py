"""Heads over frozen towers that begin as a linear regression of texts on pictures, and learn on from there."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog
from product_matching.layers import Projection
from product_matching.layers.side_by_side import standardised
from product_matching.model import ProductModel
from product_matching.model.preprocessor import BESIDE

logger = logging.getLogger(__name__)
HEADS = ("image", "text")
ROWS = 50_000
"""Products that the regression is fitted to at most; more would change little."""
FEWEST = 20
STRENGTHS = np.logspace(-4, 1, 21)
"""Penalties that are tried, as shares of the mean eigenvalue of the inputs."""
MOST_LEFT_OUT = 64
CHUNK = 4096
WHITENING = 0.25
"""0 leaves axes of texts as they are, at 0.5 all weigh alike. The first weigh more than they tell texts apart, the last
are noise."""


def begin_as_regression(model: ProductModel, catalog: Catalog, features: Mapping[str, Any]) -> bool:
    """Gives the linear parts of both heads what ridge regression finds in the vectors of frozen towers.

    Texts are turned to their principal axes, as many as the joint space has, half way to all weighing alike; pictures
    are mapped to where the regression expects their text. The heads' other parts begin at zero. With random heads,
    thousands of products are needed before training finds as much.

    Args:
        model: Whose heads; its towers gave the features. Where frozen ones stand beside others, the regression is of
            theirs, and what the others give counts for nothing yet.
        catalog: The products.
        features: As of `frozen_features`, of both modalities; else nothing happens.

    Returns:
        Whether the heads begin so: not where the joint space is wider than a text's vector, or fewer than 20
        products have both a picture and a text.
    """
    read = {name: f"{BESIDE}{name}_features" if name in model.beside else f"{name}_features" for name in HEADS}
    if not set(read.values()) <= features.keys() or model.dim > features[read["text"]].shape[-1]:
        return False
    rows = _rows(catalog, features)
    if len(rows) < FEWEST:
        return False
    (images, mean), (texts, middle) = (_centred(_inputs(model, name, features[read[name]], rows)) for name in HEADS)
    axes = principal_axes(texts, model.dim)
    kernel, strength = ridge(images, texts @ axes, catalog.groups()[rows])
    logger.info("heads begin as a regression over %d products (penalty %.2g)", len(rows), strength)
    _begin_as(model, "text", texts, middle, axes)
    _begin_as(model, "image", images, mean, kernel)
    return True


class StartMixed(keras.callbacks.Callback):
    """In the end, gives the heads of pictures and texts the mean of the weights they began with and those they learned.

    A regression tells texts it was not shown apart, training makes heads that know more and learns a small catalogue by
    heart: between the two lie weights that are better than either (Wortsman et al. 2022, "Robust fine-tuning of
    zero-shot models", arXiv:2109.01903). What began at random, tags above all, stays as it is learned.

    Args:
        model: As it begins.
        share: Of the beginning in the mean, 0 to 1.
    """

    def __init__(self, model: ProductModel, share: float) -> None:
        super().__init__()
        self.share = share
        self.start = [np.copy(keras.ops.convert_to_numpy(weight)) for weight in _begun(model)]

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.mix(self.model)

    def mix(self, model: ProductModel) -> None:
        """Changes the heads of a model that has learned."""
        for weight, start in zip(_begun(model), self.start, strict=True):
            learned = keras.ops.convert_to_numpy(weight)
            weight.assign(self.share * start + (1 - self.share) * learned)


def ridge(inputs: FloatArray, wanted: FloatArray, groups: IntArray) -> tuple[FloatArray, float]:
    """Ridge regression whose penalty is the best at telling each group of rows from all others (PRESS, Allen 1974).

    Generalised cross-validation, and leaving out one row at a time, find that hardly any penalty is wanted where rows
    have twins.

    Args:
        inputs: [N, c], centred.
        wanted: [N, d], centred.
        groups: int [N]; rows of one number are left out together, of large groups some at a time.

    Returns:
        The kernel, float64 [c, d], and the penalty as a share of the mean eigenvalue.
    """
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    values = np.maximum(values, 0.0)
    along = vectors.T @ (inputs.T @ wanted)
    kept = 1 / (values + (STRENGTHS * values.mean())[:, None])
    errors = np.zeros(len(STRENGTHS))
    for rows in _left_out(groups):
        turned = inputs[rows] @ vectors
        for at, each in enumerate(kept):
            # What the rows of a group tell of each other, through the mean, too.
            own = (turned * each) @ turned.swapaxes(1, 2) + 1 / len(inputs)
            left = wanted[rows] - turned @ (each[:, None] * along)
            without = np.linalg.solve((1 + 1e-9) * np.eye(rows.shape[1]) - own, left)
            errors[at] += float((without**2).sum())
    best = int(np.argmin(errors))
    return vectors @ (kept[best][:, None] * along), float(STRENGTHS[best])


def _left_out(groups: IntArray) -> Iterator[IntArray]:
    """Rows of groups of one size, int [groups, size], not too many at a time."""
    order = np.argsort(groups, kind="stable")
    whole = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    parts = [part for rows in whole for part in np.array_split(rows, -(-len(rows) // MOST_LEFT_OUT))]
    for size in sorted({len(part) for part in parts}):
        alike = np.stack([part for part in parts if len(part) == size])
        yield from np.array_split(alike, -(-alike.size // CHUNK))


def principal_axes(texts: FloatArray, count: int) -> FloatArray:
    """The principal axes of centred texts [N, c], each shorter by a power of how much they differ along it: [c, count].

    Few texts seem not to differ at all along most axes, where others will: spreads are drawn to their mean, the more
    the fewer texts there are (Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance
    matrices", doi:10.1016/S0047-259X(03)00096-4).
    """
    spread, axes = np.linalg.eigh(texts.T @ texts / len(texts))
    mean = spread.mean()
    error = (((texts**2).sum(axis=1) ** 2).mean() - (spread**2).sum()) / len(texts)
    drawn = min(error / max(((spread - mean) ** 2).sum(), 1e-30), 1.0)
    spread, axes = spread[::-1][:count], axes[:, ::-1][:, :count]
    spread = (1 - drawn) * spread + drawn * mean
    return axes * np.maximum(spread, 1e-9 * mean + 1e-30) ** -WHITENING


def _begin_as(model: ProductModel, name: str, inputs: FloatArray, centre: FloatArray, kernel: FloatArray) -> None:
    """Lets a head begin as a linear map of its inputs, centred, brought to one length.

    That length is what random heads give, so that pictures, texts and tags weigh alike in a product.
    """
    length = np.linalg.norm(inputs @ kernel, axis=1).mean()
    kernel = kernel * (math.sqrt(model.dim) / max(length, 1e-9))
    _head(model, name).begin_as(_for_all_inputs(model, name, kernel), -centre @ kernel)


def _head(model: ProductModel, name: str) -> Projection:
    return model.project_image if name == "image" else model.project_text


def _begun(model: ProductModel) -> list[keras.Variable]:
    """The weights of what began as the regression."""
    return [weight for name in HEADS for weight in _head(model, name).trainable_variables]


def _rows(catalog: Catalog, features: Mapping[str, Any]) -> IntArray:
    """Products with a picture and a text, evenly taken where there are very many."""
    pictured = np.array([bool(path) for path in catalog.image_paths()], bool)
    rows = np.flatnonzero(pictured & _with_text(catalog, features))
    return rows[np.linspace(0, len(rows) - 1, min(ROWS, len(rows))).astype(int)]


def _with_text(catalog: Catalog, features: Mapping[str, Any]) -> np.ndarray:
    if "has_text" in features:
        return np.asarray(features["has_text"], bool)
    return np.array([bool(text.strip()) for text in catalog.texts()], bool)


def _for_all_inputs(model: ProductModel, name: str, kernel: FloatArray) -> FloatArray:
    """The kernel of a whole head: zeros for what comes before the frozen tower's numbers."""
    if name not in model.beside:
        return kernel
    before = model.image_encoder.dim if name == "image" else model.text_encoder.dim
    return np.concatenate([np.zeros((before, kernel.shape[1])), kernel])


def _centred(inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Without their mean, and the mean."""
    mean = inputs.mean(axis=0)
    return inputs - mean, mean


def _inputs(model: ProductModel, name: str, features: FloatArray, rows: np.ndarray) -> FloatArray:
    """What the linear part of a head sees of the first view of a frozen tower, float64 [n, c]."""
    # Side by side each tower is normalised by itself, which a fresh normalisation of the whole leaves as it is.
    normalised = standardised if name in model.beside else _head(model, name).normalised
    seen = [
        np.asarray(normalised(np.asarray(features[part, 0], np.float32)))
        for part in np.array_split(rows, max(1, len(rows) // CHUNK))
    ]
    return np.concatenate(seen).astype(np.float64)
