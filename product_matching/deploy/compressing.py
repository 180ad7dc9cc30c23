"""A bundle written anew with smaller weights, and what that changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from product_matching.bundle import Bundle
from product_matching.dataset import Catalog
from product_matching.deploy.exporting import export
from product_matching.deploy.packing import WeightType
from product_matching.eval import evaluate
from product_matching.model import drop_text_layers

WRITTEN_ANEW = ("format", "created", "packages", "files", "weights", "head", "calibration")
"""What the manifest of the new bundle says for itself."""
REJECTED = "rejected.csv"


def compress(
    bundle: Bundle,
    out: str | Path,
    *,
    weights: WeightType = "int8",
    text_layers: int = 0,
    overwrite: bool = False,
) -> Path:
    """Writes the model of a bundle as a new bundle whose weights have a smaller type, or whose text tower fewer layers.

    Split, thresholds and configuration go along; metrics are those of the larger model, and `compressed_from` names it.
    Index, recommender and report do not: they follow from vectors that have changed a little.

    Args:
        bundle: A bundle of products.
        out: Folder of the new one, as of `export`.
        weights: As of `export`.
        text_layers: Layers of the text tower to keep, see `drop_text_layers`; 0: all.
        overwrite: As of `export`.

    Returns:
        The folder of the new bundle.

    Raises:
        BundleError: If something is in the way.
        ConfigError: If the type of weights is unknown, or the text tower has fewer layers.
    """
    kept = {key: value for key, value in bundle.manifest.items() if key not in WRITTEN_ANEW}
    model = bundle.load_model()
    if text_layers:
        model = drop_text_layers(model, text_layers)
        if "config" in kept:
            config = kept["config"]
            kept["config"] = {**config, "text": {**config["text"], "layers": text_layers}}
    rejected = bundle.folder / REJECTED
    return export(
        model,
        out,
        manifest={**kept, "compressed_from": str(bundle.folder)},
        rejected=pd.read_csv(rejected, dtype=str, keep_default_na=False) if rejected.is_file() else None,
        sides=bundle.known_sides,
        weights=weights,
        overwrite=overwrite,
    )


def sizes(bundle: Bundle) -> dict[str, int]:
    """Bytes of a bundle: `variables` and `model.keras` alone, and `bundle`, all that training or `compress` wrote."""
    count = {name: (bundle.folder / name).stat().st_size for name in bundle.manifest["files"]}
    variables = sum(size for name, size in count.items() if name.startswith("variables/"))
    return {"variables": variables, "model.keras": count["model.keras"], "bundle": sum(count.values())}


def standing(bundle: Bundle, products: Catalog, *, queries: int = 100) -> dict[str, float]:
    """How fast a bundle answers and how well.

    Args:
        bundle: The bundle.
        products: Held-out products.
        queries: Titles and pictures that are embedded one at a time.

    Returns:
        `text_ms` and `image_ms`: the median milliseconds of one title and of the bytes of one picture through the
        exported graph; `recall@10` from text to image and `accuracy` of matching, as of `evaluate`.
    """
    encoders = bundle.encoders
    titles = [title for title in products.table["title"].tolist() if title][:queries]
    pictures = [Path(path).read_bytes() for path in products.image_paths() if path][:queries]
    metrics = evaluate(bundle.load_model(), products)
    return {
        "text_ms": median_ms(lambda title: encoders.embed_text([title]), titles),
        "image_ms": median_ms(lambda picture: encoders.embed_image([picture]), pictures),
        "recall@10": metrics["text_to_image"]["recall@10"],
        "accuracy": metrics["accuracy"],
    }


def median_ms(embed: Callable[[Any], Any], inputs: list[Any], *, warm: int = 5) -> float:
    """The median milliseconds of one input at a time, after some to warm up; nan where there is none."""
    if not inputs:
        return float("nan")
    for value in inputs[:warm]:
        embed(value)
    seconds = []
    for value in inputs:
        start = time.perf_counter()
        embed(value)
        seconds.append(time.perf_counter() - start)
    return float(1000 * np.median(seconds))
