"""Writing a trained model as a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import ops

from product_matching.bundle.head import REFERENCES_FILE
from product_matching.bundle.manifest import write_bundle
from product_matching.bundle.paths import SIDES_FILE, free_path
from product_matching.dataset.splitting import KnownSides
from product_matching.deploy.lean_archive import halve_archive, halved
from product_matching.deploy.packing import Packed, WeightType, pack_weights, rounded
from product_matching.deploy.serving_module import ServingModule, signatures
from product_matching.deploy.slimming import slim_graph
from product_matching.deploy.warmup import write_warmup
from product_matching.errors import ConfigError
from product_matching.model import VIEWS, ProductModel, merge_lora
from product_matching.model.reranker import Reranker


def export(
    model: ProductModel,
    path: str | Path,
    *,
    manifest: Mapping[str, Any] | None = None,
    rejected: pd.DataFrame | None = None,
    sides: KnownSides | None = None,
    weights: WeightType = "float32",
    overwrite: bool = False,
) -> Path:
    """Writes the SavedModel, the Keras model and the manifest.

    Args:
        model: A trained model; low-rank updates are merged into its weights first, for good.
        path: Folder of the bundle, such as `saved_models/shop/1`; a folder of numbered versions gets the next one.
        manifest: More for the manifest: configuration, split, fingerprint of the data, metrics.
        rejected: Rows of the table that could not be used; written beside the model as `rejected.csv`.
        sides: Which product groups stood on which side of the split; a later evaluation holds to it.
        weights: Type that matrices and tables are kept in: `"float16"` halves them, `"int8"` quarters them in the
            SavedModel and halves them in `model.keras`. All that reads the bundle computes with the same rounded
            weights, in float32 and as fast as ever; `model` keeps its own. See `pack_weights`.
        overwrite: Replace a bundle that is there.

    Returns:
        The folder of the bundle.

    Raises:
        BundleError: If something is in the way.
        ConfigError: If the type of weights is unknown, or Keras does not run on TensorFlow.
    """
    check_backend()
    folder = free_path(path, overwrite=overwrite)
    merge_lora(model)
    packed = pack_weights(model, weights)

    def fill(fresh: Path) -> None:
        with rounded(model, packed):
            _save(fresh, model, packed)
        if rejected is not None and len(rejected):
            rejected.to_csv(fresh / "rejected.csv", index=False)
        if sides is not None:
            sides.save(fresh / SIDES_FILE)

    write_bundle(folder, fill, {**_description(model), "weights": weights, **(manifest or {})})
    return folder


def check_backend() -> None:
    """Makes sure that Keras runs on what writes a SavedModel; raises `ConfigError`."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ConfigError(
            f"A bundle holds a SavedModel, which only TensorFlow writes; Keras runs on {backend}. Fit from "
            "Python, model.save('model.keras'), and with KERAS_BACKEND=tensorflow export what "
            "keras.models.load_model('model.keras') gives."
        )


def export_reranker(
    model: Reranker, path: str | Path, *, manifest: Mapping[str, Any] | None = None, overwrite: bool = False
) -> Path:
    """Writes a re-ranker as a bundle: the Keras model and the manifest, without a SavedModel.

    Args:
        model: A fitted re-ranker.
        path, manifest, overwrite: As of `export`.

    Returns:
        The folder of the bundle.

    Raises:
        BundleError: If something is in the way.
    """
    folder = free_path(path, overwrite=overwrite)
    description = {
        "kind": "pairs",
        "columns": {"left": model.comparer.left, "right": model.comparer.right, "numeric": model.comparer.numeric},
        "threshold": model.threshold,
        "comparisons": model.names,
    }
    lean = model.clean_copy()
    write_bundle(folder, lambda fresh: lean.save(fresh / "model.keras"), {**description, **(manifest or {})})
    return folder


def _save(folder: Path, model: ProductModel, packed: Mapping[int, Packed]) -> None:
    module = ServingModule(model, packed)
    tf.saved_model.save(module, str(folder), signatures=signatures(model, module))
    slim_graph(folder)
    write_warmup(folder, dim=model.dim, image_size=model.preprocessor.image_size)
    model.save(folder / "model.keras")
    if packed:
        halve_archive(folder / "model.keras")
    if model.head.reach is not None:
        references = ops.convert_to_numpy(model.head.reach.references)
        np.save(folder / REFERENCES_FILE, halved(references) if packed else references)


def _description(model: ProductModel) -> dict[str, Any]:
    preprocessor = model.preprocessor
    return {
        "dim": model.dim,
        "views": {name: list(shown) for name, shown in VIEWS.items()},
        "image_size": preprocessor.image_size,
        "max_tokens": preprocessor.text.max_tokens,
        "vocabulary_size": len(preprocessor.text.vocabulary),
        "tags": preprocessor.tags.vocabulary,
        "head": model.head.parameters(),
        "calibration": model.head.curve_points(),
    }
