"""What frozen towers give for a catalogue, computed once for all epochs and, if wanted, for the next run too."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from product_matching._types import FloatArray
from product_matching.config import Config
from product_matching.dataset import Catalog, make_dataset
from product_matching.model import ProductModel

logger = logging.getLogger(__name__)
TOWERS = {"image": "image_encoder", "text": "text_encoder"}


def frozen_features(
    model: ProductModel,
    catalog: Catalog,
    *,
    views: int = 1,
    augment: float = 1.0,
    batch_size: int = 128,
    seed: int = 0,
    folder: str | Path = "",
) -> dict[str, np.ndarray]:
    """Runs each tower of which nothing learns over a catalogue.

    Args:
        model: Whose towers.
        catalog: The products.
        views: Views of each product; the first shows it as it is, others are augmented.
        augment: How strongly, as of `make_dataset`.
        batch_size: Products a forward pass.
        seed: Seed of the augmentation.
        folder: Where to keep the result, under a name that follows from the weights of the tower, its preprocessing and
            the data; what lies there is read instead of computed. Empty: nowhere.

    Returns:
        For `make_dataset`: `image_features`, `text_features` float32 [N, views, c] and with the latter `has_text` bool
        [N], for the towers that are frozen; empty where none is.
    """
    found: dict[str, np.ndarray] = {}
    for name, attribute in TOWERS.items():
        tower = getattr(model, attribute)
        if tower.trainable_variables or not len(catalog):
            continue
        options = {"views": views, "augment": augment if views > 1 else 0.0, "seed": seed if views > 1 else 0}
        path = Path(folder) / f"{feature_key(name, tower, catalog, options)}.npz" if folder else None
        if path is None or not path.is_file():
            computed = _compute(name, tower, model, catalog, batch_size, options)
            if path is None:
                found |= computed
                continue
            write_arrays(path, computed)
        else:
            logger.info("read what the frozen %s tower gives from %s", name, path)
        with np.load(path) as kept:
            found |= dict(kept)
    return found


@contextmanager
def kept_features(config: Config) -> Iterator[Config]:
    """The configuration with a folder for what frozen towers give: its own, or one that is there only in here."""
    if config.train.feature_cache or not (config.text.pretrained or config.image.pretrained):
        yield config
        return
    with tempfile.TemporaryDirectory() as folder:
        yield replace(config, train=replace(config.train, feature_cache=folder))


def feature_key(name: str, tower: keras.Model, catalog: Catalog, options: dict[str, Any]) -> str:
    """A name for a result: it changes with the weights, the preprocessing, the products and their image files."""
    digest = hashlib.sha256()
    for weight in tower.weights:
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    config = {key: value for key, value in tower.get_config().items() if key not in ("name", "backbone")}
    config |= {"kind": type(tower.backbone).__name__, "options": options, "size": getattr(tower, "size", 0)}
    digest.update(json.dumps(config, sort_keys=True, default=str).encode())
    if name == "image":
        parts = [(path, *image_state(path)) for path in catalog.image_paths()]
    else:
        parts = list(zip(catalog.table["title"], catalog.table["description"], strict=True))
    digest.update(json.dumps(parts).encode())
    return f"{name}-{digest.hexdigest()[:32]}"


def image_state(path: str) -> tuple[int, int]:
    """Size and time of change of a file; (0, 0) for the path ""."""
    if not path:
        return (0, 0)
    state = Path(path).stat()
    return (state.st_size, state.st_mtime_ns)


def _compute(
    name: str, tower: keras.Model, model: ProductModel, catalog: Catalog, batch_size: int, options: dict[str, Any]
) -> dict[str, np.ndarray]:
    logger.info("compute the frozen %s tower once for %d products, views: %d", name, len(catalog), options["views"])
    vectors, has_text = [], np.zeros(0, bool)
    for view in range(options["views"]):
        # The other modality is not asked for: zeros of no width stand in for it.
        other = "text" if name == "image" else "image"
        nothing = {f"{other}_features": np.zeros((len(catalog), 1, 0), np.float32)}
        nothing |= {"has_text": np.zeros(len(catalog), bool)} if other == "text" else {}
        batches = make_dataset(
            catalog,
            model.preprocessor,
            batch_size=batch_size,
            augment=options["augment"] if view else 0.0,
            seed=options["seed"] + view,
            cache=False,
            features=nothing,
        )
        rows, known = _one_view(name, tower.traced, batches)
        vectors.append(rows)
        has_text = known if view == 0 else has_text
    stacked = {f"{name}_features": np.stack(vectors, axis=1)}
    return {**stacked, "has_text": has_text} if name == "text" else stacked


def _one_view(name: str, run: Any, batches: tf.data.Dataset) -> tuple[FloatArray, np.ndarray]:
    rows, known = [], []
    for inputs, _ in batches:
        rows.append(run(inputs["image"] if name == "image" else inputs).numpy().astype(np.float32))
        known.append(inputs["has_text"].numpy())
    return np.concatenate(rows), np.concatenate(known)


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes an .npz file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    np.savez(fresh, **arrays)
    fresh.replace(path)
