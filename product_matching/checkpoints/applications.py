"""Networks of `keras.applications`: which there are, what they want to be fed, where their ImageNet weights lie."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from product_matching.checkpoints.finding import is_offline
from product_matching.checkpoints.pixels import BGR, RAW, SYMMETRIC, Pixels
from product_matching.errors import CheckpointError, unknown_name


@dataclass(frozen=True)
class Application:
    """A network of `keras.applications`.

    Attributes:
        builder: Name of its function.
        pixels: What it is to be fed.
        file: Pattern of its file in Keras' cache.
        options: More arguments of the function.
    """

    builder: str
    pixels: Pixels
    file: str
    options: dict[str, Any] = field(default_factory=dict)


_NO_SCALING = {"include_preprocessing": False}
APPLICATIONS = {
    "resnet50": Application("ResNet50", BGR, "resnet50_weights_*notop.h5"),
    "resnet101": Application("ResNet101", BGR, "resnet101_weights_*notop.h5"),
    "mobilenetv3small": Application("MobileNetV3Small", SYMMETRIC, "weights_mobilenet_v3_small_224_1.0_*", _NO_SCALING),
    "mobilenetv3large": Application("MobileNetV3Large", SYMMETRIC, "weights_mobilenet_v3_large_224_1.0_*", _NO_SCALING),
    **{f"efficientnetb{i}": Application(f"EfficientNetB{i}", RAW, f"efficientnetb{i}_notop.h5") for i in range(8)},
    **{
        f"efficientnetv2b{i}": Application(f"EfficientNetV2B{i}", RAW, f"efficientnetv2-b{i}_notop.h5")
        for i in range(4)
    },
}
"""By name in lower case without separators."""


def application_name(text: str) -> str:
    """The application whose name a text such as `"resnet50_imagenet.weights.h5"` holds, the longest; `""` if none."""
    plain = text.lower().replace("_", "").replace("-", "")
    return max((name for name in APPLICATIONS if name in plain), key=len, default="")


def load_application(
    name: str, size: int, *, weights: Path | None = None, offline: bool | None = None
) -> tuple[keras.Model, Pixels]:
    """Builds a network without its classifier and loads weights.

    Args:
        name: One of `APPLICATIONS`.
        size: Height and width of its input in pixels.
        weights: A Keras weights file (`.h5`), float32 or float16; by default ImageNet's, from the cache or by download.
        offline: Never download; by default as the environment says.

    Raises:
        CheckpointError: If the name is unknown, the weights are nowhere, or do not fit.
    """
    if name not in APPLICATIONS:
        raise CheckpointError(unknown_name("architecture", name, APPLICATIONS))
    application = APPLICATIONS[name]
    build = getattr(keras.applications, application.builder)
    options = {"include_top": False, "input_shape": (size, size, 3), **application.options}
    path = weights or _cached(application)
    if path is None and is_offline(offline):
        raise CheckpointError(
            f"The ImageNet weights of {name} were not found. Tried: Keras' cache {_cache()} (nothing like "
            f"{application.file}); the hub of keras.applications (not asked: offline). Give the path of a weights file."
        )
    try:
        model = build(weights=None if path else "imagenet", **options)
        if path:
            model.load_weights(path)
    except Exception as error:  # of h5py, of Keras, of the download
        source = path or "the hub of keras.applications"
        raise CheckpointError(f"{source} cannot be loaded into {application.builder}: {error}") from error
    return model, application.pixels


def _cache() -> Path:
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def _cached(application: Application) -> Path | None:
    files = sorted(_cache().glob(application.file))
    return next((path for path in files if "top" in path.name), None)
