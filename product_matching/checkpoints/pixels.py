"""What a network of images wants to be fed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from product_matching.checkpoints.describing import read_json

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Pixels:
    """`(pixels - mean) * scale`, channel by channel.

    Attributes:
        mean, scale: In the order of the channels that the network sees; pixels run from 0 to 255.
        bgr: The network sees blue first.
    """

    mean: Triple
    scale: Triple
    bgr: bool = False

    @classmethod
    def from_share(cls, mean: Triple, std: Triple) -> Pixels:
        """Of mean and deviation of pixels that run from 0 to 1, as torch's models have it."""
        return cls(tuple(255 * m for m in mean), tuple(1 / 255 / s for s in std))


RAW = Pixels((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
SYMMETRIC = Pixels((127.5, 127.5, 127.5), (1 / 127.5, 1 / 127.5, 1 / 127.5))
IMAGENET = Pixels.from_share((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
BGR = Pixels((103.939, 116.779, 123.68), (1.0, 1.0, 1.0), bgr=True)
"""The ImageNet mean of Caffe's networks, which keras.applications' ResNets are."""


def pixels_of(folder: Path, writer: str, config: Mapping[str, Any]) -> Pixels:
    """What the files beside a checkpoint say of its preprocessing; where they do not, what its kind was trained on."""
    if writer == "timm":
        said = config.get("pretrained_cfg") or config
        return Pixels.from_share(said["mean"], said["std"]) if said.get("mean") else IMAGENET
    if writer == "keras":
        return _of_keras(folder)
    said = read_json(folder, "preprocessor_config.json") or {}
    if not said:
        return SYMMETRIC if config["model_type"] == "vit" else IMAGENET
    mean, std = said.get("image_mean", (0.5,) * 3), said.get("image_std", (0.5,) * 3)
    if not said.get("do_normalize", True):
        mean, std = (0.0,) * 3, (1.0,) * 3
    factor = said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 1.0
    return Pixels(tuple(m / factor for m in mean), tuple(factor / s for s in std))


def size_of(folder: Path, writer: str, config: Mapping[str, Any]) -> int | None:
    """Height and width in pixels that a checkpoint is used with; `None` where its files do not say."""
    if writer == "timm":
        said = (config.get("pretrained_cfg") or config).get("input_size")
        return int(said[-1]) if said else None
    if writer == "keras":
        return None
    said = read_json(folder, "preprocessor_config.json") or {}
    for name in ("crop_size", "size"):
        sides = said.get(name)
        if isinstance(sides, Mapping) and (name == "size" or said.get("do_center_crop", True)):
            sides = sides.get("height") or sides.get("shortest_edge")
        if isinstance(sides, int):
            return sides
    return config.get("image_size") if isinstance(config.get("image_size"), int) else None


def _of_keras(folder: Path) -> Pixels:
    if read_json(folder, "image_converter.json") is None:
        return RAW
    from keras_hub.layers import ImageConverter

    converter = ImageConverter.from_preset(str(folder))
    scale, offset = (_triple(value, default) for value, default in ((converter.scale, 1.0), (converter.offset, 0.0)))
    return Pixels(tuple(-o / s for o, s in zip(offset, scale, strict=True)), scale)


def _triple(value: Any, default: float) -> Triple:
    value = default if value is None else value
    return tuple(float(v) for v in value) if isinstance(value, list | tuple) else (float(value),) * 3
