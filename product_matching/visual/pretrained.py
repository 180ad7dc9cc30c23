"""The parts of an image encoder, read from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from product_matching.checkpoints import describe, find_checkpoint, load_backbone
from product_matching.checkpoints.applications import APPLICATIONS, application_name, load_application
from product_matching.checkpoints.pixels import Pixels, pixels_of, size_of
from product_matching.checkpoints.positions import resize_transformer
from product_matching.errors import CheckpointError, unknown_name

TIMM = {"resnet18": "timm/resnet18.a1_in1k", "resnet34": "timm/resnet34.a1_in1k"}
"""Short names of networks that keras.applications lacks."""
TRANSFORMERS = ("deit", "dinov2", "vit")
MODELS = ("resnet", *TRANSFORMERS)
POSITIONS = {"ViTBackbone": 1, "DeiTBackbone": 2, "DINOV2Backbone": 1}
"""Tokens with a position before those of the patches: the class token, and DeiT's distillation token."""
SIZE = 224
"""Input size of a network whose files do not say one."""


def load_parts(
    name: str | Path, *, architecture: str = "", size: int | None = None, offline: bool | None = None
) -> dict[str, Any]:
    """Loads backbone and preprocessing: the arguments of `ImageEncoder`, without the pooling.

    Args:
        name: Name of an application or a checkpoint, a folder, or a Keras weights file.
        architecture: Of a weights file whose name does not say it, one of `APPLICATIONS`.
        size: Height and width of the input in pixels; by default what the checkpoint is used with.
        offline: As of `find_checkpoint`.
    """
    plain = str(name).lower().replace("_", "").replace("-", "")
    if plain in APPLICATIONS and not Path(name).exists():
        return _application(plain, size, None, offline)
    path = find_checkpoint(TIMM.get(plain, name), offline=offline)
    if path.is_file():
        return _application(architecture or _of_file(path), size, path, offline)
    return _folder(path, size)


def _application(name: str, size: int | None, weights: Path | None, offline: bool | None) -> dict[str, Any]:
    backbone, pixels = load_application(name, size or SIZE, weights=weights, offline=offline)
    return {"backbone": backbone, "prefix_tokens": 0, **_fed(pixels)}


def _of_file(path: Path) -> str:
    if path.suffix != ".h5":
        raise CheckpointError(f"{path} is no Keras weights file (.h5).")
    name = application_name(path.name)
    if not name:
        raise CheckpointError(
            f"The name of {path} does not say of which network its weights are. "
            f"Give architecture, one of: {', '.join(sorted(APPLICATIONS))}."
        )
    return name


def _folder(folder: Path, size: int | None) -> dict[str, Any]:
    writer, config = describe(folder)
    kind = config.get("model_type", "")
    if writer == "transformers" and kind not in MODELS:
        raise CheckpointError(unknown_name(f"image model in {folder}:", kind, MODELS))
    size = size or size_of(folder, writer, config)
    if kind in TRANSFORMERS or writer == "keras":
        backbone, _, _ = load_backbone(folder)
        parts = _transformer(backbone, size) if type(backbone).__name__ in POSITIONS else {"backbone": backbone}
    else:
        backbone, _, _ = load_backbone(folder, image_shape=(size or SIZE, size or SIZE, 3))
        parts = {"backbone": backbone}
    return {"prefix_tokens": 0, **parts, **_fed(pixels_of(folder, writer, config))}


def _transformer(backbone: keras.Model, size: int | None) -> dict[str, Any]:
    positions = POSITIONS[type(backbone).__name__]
    tokens = positions + getattr(backbone, "num_register_tokens", 0)
    resized = resize_transformer(backbone, size or backbone.image_shape[0], positions)
    return {"backbone": resized, "prefix_tokens": tokens}


def _fed(pixels: Pixels) -> dict[str, Any]:
    return {"mean": pixels.mean, "scale": pixels.scale, "bgr": pixels.bgr}
