"""Heads over frozen towers that begin as a linear regression of texts on pictures, and learn on from there."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching._vectors import unit
from product_matching.dataset import Catalog
from product_matching.layers import Projection
from product_matching.layers.side_by_side import standardised
from product_matching.model import ProductModel
from product_matching.model.preprocessor import BESIDE
from product_matching.train.regression import centred, low_rank, principal_axes, ridge

logger = logging.getLogger(__name__)
HEADS = ("image", "text")
ROWS = 50_000
"""Products that the regression is fitted to at most; more would change little."""
TAG_ROWS = 10_000
"""Products that the regression of tags is fitted to at most, of which each has a number a tag."""
FEWEST = 20
CHUNK = 4096
SHORTEST = 1e-9


def begin_as_regression(model: ProductModel, catalog: Catalog, features: Mapping[str, Any]) -> bool:
    """Gives the linear parts of both heads what ridge regression finds in the vectors of frozen towers.

    Texts are turned to their principal axes, as many as the joint space has, half way to all weighing alike; pictures
    are mapped to where the regression expects their text. Single tags lie in the directions by which another ridge
    regression tells them from both. The heads' other parts begin at zero. With random heads, thousands of products are
    needed before training finds as much.

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
    (images, mean), (texts, middle) = (centred(_inputs(model, name, features[read[name]], rows)) for name in HEADS)
    axes, groups = principal_axes(texts, model.dim), catalog.groups()[rows]
    kernel, strength = ridge(images, texts @ axes, groups)
    logger.info("heads begin as a regression over %d products (penalty %.2g)", len(rows), strength)
    _begin_as(model, "text", texts, middle, axes)
    _begin_as(model, "image", images, mean, kernel)
    names = catalog.table["tags"].to_numpy(dtype=object)[rows]
    _begin_tags(model, names, groups, [unit(images @ kernel), unit(texts @ axes)])
    return True


class StartMixed(keras.callbacks.Callback):
    """In the end, gives the heads of pictures and texts the mean of the weights they began with and those they learned.

    A regression tells texts it was not shown apart, training makes heads that know more and learns a small catalogue by
    heart: between the two lie weights that are better than either (Wortsman et al. 2022, "Robust fine-tuning of
    zero-shot models", arXiv:2109.01903). Tags, and what began at random, stay as they are learned.

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


def _begin_as(model: ProductModel, name: str, inputs: FloatArray, centre: FloatArray, kernel: FloatArray) -> None:
    """Lets a head begin as a linear map of its inputs, centred, brought to one length.

    That length is what random heads give, so that pictures, texts and tags weigh alike in a product.
    """
    length = np.linalg.norm(inputs @ kernel, axis=1).mean()
    kernel = kernel * (math.sqrt(model.dim) / max(length, 1e-9))
    _head(model, name).begin_as(_for_all_inputs(model, name, kernel), -centre @ kernel)


def _begin_tags(model: ProductModel, names: np.ndarray, groups: IntArray, views: list[FloatArray]) -> None:
    """Lets each tag begin in the direction by which it is told best from views, [n, D] each, of products so tagged."""
    tagged = _evenly(np.flatnonzero(names != ""), TAG_ROWS)
    tags = keras.ops.convert_to_numpy(model.preprocessor.tags(names[tagged])["tags"])
    known = tags.any(axis=1)
    tags, tagged = tags[known], tagged[known]
    if len(tagged) < FEWEST:
        return
    seen = np.concatenate([centred(view[tagged].astype(np.float64))[0] for view in views])
    wanted = np.concatenate([centred(tags.astype(np.float64))[0]] * len(views))
    kernel, _ = ridge(seen, wanted, np.tile(groups[tagged], len(views)))
    told = np.linalg.norm(kernel, axis=0) > SHORTEST  # not what all of them carry
    embeddings, back = low_rank(unit(kernel.T), model.tag_embedding.dim)
    random = keras.ops.convert_to_numpy(model.tag_embedding.embeddings)
    model.tag_embedding.embeddings.assign(np.where(told[:, None], embeddings, random))
    # A layer norm brings an embedding to the length √width; single tags are to be as long as pictures and texts are.
    model.project_tags.begin_as(back * math.sqrt(model.dim / len(back)), np.zeros(model.dim))


def _head(model: ProductModel, name: str) -> Projection:
    return model.project_image if name == "image" else model.project_text


def _begun(model: ProductModel) -> list[keras.Variable]:
    """The weights of what began as the regression."""
    return [weight for name in HEADS for weight in _head(model, name).trainable_variables]


def _rows(catalog: Catalog, features: Mapping[str, Any]) -> IntArray:
    """Products with a picture and a text, evenly taken where there are very many."""
    pictured = np.array([bool(path) for path in catalog.image_paths()], bool)
    return _evenly(np.flatnonzero(pictured & _with_text(catalog, features)), ROWS)


def _evenly(rows: IntArray, most: int) -> IntArray:
    """So many of them at most, from all over."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


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


def _inputs(model: ProductModel, name: str, features: FloatArray, rows: np.ndarray) -> FloatArray:
    """What the linear part of a head sees of the first view of a frozen tower, float64 [n, c]."""
    # Side by side each tower is normalised by itself, which a fresh normalisation of the whole leaves as it is.
    normalised = standardised if name in model.beside else _head(model, name).normalised
    seen = [
        np.asarray(normalised(np.asarray(features[part, 0], np.float32)))
        for part in np.array_split(rows, max(1, len(rows) // CHUNK))
    ]
    return np.concatenate(seen).astype(np.float64)
