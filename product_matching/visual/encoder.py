"""The image tower: a backbone over pixels and a pooling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from keras_hub.models import ResNetBackbone, ViTBackbone

from product_matching._types import FloatArray, Tensor
from product_matching.errors import ConfigError, DataError, unknown_name
from product_matching.layers.pooling import AttentionPooling, GeneralizedMeanPooling
from product_matching.layers.tracing import TracedCall
from product_matching.layers.unit import unit
from product_matching.visual.decoding import decode_image
from product_matching.visual.pretrained import load_parts

Pooling = Literal["average", "gem", "cls", "attention"]
POOLINGS = ("average", "gem", "cls", "attention")


@keras.saving.register_keras_serializable("product_matching")
class ImageEncoder(keras.Model):
    """V_i: a backbone over pixels, pooled over positions to one vector an image.

    Args:
        backbone: A Keras model from [B, size, size, 3] to a feature map [B, h, w, c] or tokens [B, n, c].
        mean, scale: The backbone's own preprocessing: it is fed `(pixels - mean) * scale`, pixels RGB from 0 to 255;
            one number, or one a channel.
        bgr: The backbone sees blue first; `mean` and `scale` are in its order.
        pooling: `"average"` over the positions; `"gem"`: the generalised mean, its power learned; `"cls"`: the class
            token; `"attention"`: a learned average.
        prefix_tokens: Tokens before those of the patches, which only `"cls"` reads.

    Example:
        >>> encoder = ImageEncoder.from_scratch("resnet", size=64, filters=(64, 128))
        >>> encoder(np.zeros((2, 64, 64, 3), "uint8")).shape
        (2, 128)
    """

    def __init__(
        self,
        backbone: keras.Model,
        *,
        mean: float | Sequence[float] = 127.5,
        scale: float | Sequence[float] = 1 / 64,
        bgr: bool = False,
        pooling: Pooling = "average",
        prefix_tokens: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.mean, self.scale, self.bgr = _plain(mean), _plain(scale), bgr
        self.prefix_tokens = prefix_tokens
        self.pooling = pooling
        self.size = backbone.inputs[0].shape[1]
        self.dim = backbone.output_shape[-1]
        self._input = next(iter(backbone.input)) if isinstance(backbone.input, dict) else ""
        self._pool = self._make_pool()
        self.traced = TracedCall(self, compiled=self.has_tokens)
        self.built = True

    @property
    def has_tokens(self) -> bool:
        """Whether the backbone is a transformer over patches, not a network of convolutions."""
        return len(self.backbone.output_shape) == 3

    def _make_pool(self) -> keras.layers.Layer | None:
        if self.pooling not in POOLINGS:
            raise ConfigError(unknown_name("pooling", self.pooling, POOLINGS))
        if self.pooling == "cls" and not self.has_tokens:
            raise ConfigError(f"{self.backbone.name} has no class token to pool by; choose average, gem or attention.")
        pools = {"gem": GeneralizedMeanPooling, "attention": AttentionPooling}
        if self.pooling not in pools:
            return None
        pool = pools[self.pooling](name="pool")
        pool.build((None, None, self.dim))
        return pool

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        architecture: str = "",
        size: int | None = None,
        pooling: Pooling | Literal["auto"] = "auto",
        offline: bool | None = None,
    ) -> ImageEncoder:
        """Loads a ResNet, ViT, DeiT, DINOv2, MobileNetV3 or EfficientNet with the preprocessing of its training.

        Args:
            name_or_path: A folder that transformers, timm or KerasHub wrote, or the name of one on Hugging Face or
                Kaggle; a network of keras.applications (`resnet50`); a Keras weights file (`….h5`) of one of these.
            architecture: Of a weights file whose name does not say it.
            size: Height and width of the input in pixels, by default what the checkpoint is used with. A ViT's position
                embeddings are interpolated.
            pooling: `"auto"`: the class token where there is one, else the average.
            offline: Never ask a hub; by default as the environment says (`PRODUCT_MATCHING_OFFLINE=1`).

        Raises:
            CheckpointError: If the checkpoint is not found, is of another kind, or does not fit.
        """
        parts = load_parts(name_or_path, architecture=architecture, size=size, offline=offline)
        default = "cls" if parts["prefix_tokens"] else "average"
        return cls(**parts, pooling=default if pooling == "auto" else pooling)

    @classmethod
    def from_scratch(
        cls,
        backbone: Literal["resnet", "vit"],
        *,
        size: int = 64,
        filters: Sequence[int] = (64, 128, 256),
        blocks: Sequence[int] = (1, 1, 1),
        stem: Sequence[int] = (16, 32),
        patch_size: int = 8,
        layers: int = 4,
        heads: int = 4,
        hidden_dim: int = 128,
        intermediate_dim: int = 512,
        dropout: float = 0.0,
        pooling: Pooling = "average",
    ) -> ImageEncoder:
        """Makes an encoder with new weights; see `ImageConfig` for the arguments."""
        shape = (size, size, 3)
        if backbone == "resnet":
            return cls(_resnet(shape, filters, blocks, stem), pooling=pooling)
        network = ViTBackbone(
            image_shape=shape,
            patch_size=patch_size,
            num_layers=layers,
            num_heads=heads,
            hidden_dim=hidden_dim,
            mlp_dim=intermediate_dim,
            dropout_rate=dropout,
        )
        return cls(network, pooling=pooling)

    def call(self, images: Tensor, training: bool | None = None) -> Tensor:
        """Encodes pixels.

        Args:
            images: [B, size, size, 3], RGB, 0 to 255.

        Returns:
            [B, dim], not normalised.
        """
        return self.pooled(self.backbone(self.prepared(images), training=training))

    def prepared(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """What the backbone is fed: its own preprocessing of pixels [B, size, size, 3]."""
        pixels = ops.cast(images, self.compute_dtype)
        pixels = ops.flip(pixels, axis=-1) if self.bgr else pixels
        pixels = (pixels - ops.convert_to_tensor(self.mean, pixels.dtype)) * ops.convert_to_tensor(
            self.scale, pixels.dtype
        )
        return {self._input: pixels} if self._input else pixels

    def pooled(self, features: Tensor) -> Tensor:
        """What `call` makes of the backbone's output, [B, h, w, c] or [B, n, c]: [B, dim]."""
        if self.pooling == "cls":
            return features[:, 0]
        if len(features.shape) == 4:
            _, height, width, channels = features.shape
            features = ops.reshape(features, (-1, height * width, channels))
        patches = features[:, self.prefix_tokens :]
        if self.pooling == "average":
            return ops.mean(patches, axis=1)
        if self.pooling == "gem":
            return self._pool(patches)
        return self._pool(patches, ops.ones_like(patches[..., 0], dtype="bool"))

    def encode(self, images: Sequence[str | Path | bytes], *, batch_size: int = 64) -> FloatArray:
        """Encodes image files, given by path or as their bytes.

        Returns:
            float32 [N, dim], each row of length 1.

        Raises:
            DataError: If a file cannot be read or decoded; the message names it, or its place in the list.
        """
        rows = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(images), batch_size):
            chunk = images[start : start + batch_size]
            pixels = np.stack([self._read(image, start + at) for at, image in enumerate(chunk)])
            rows.append(ops.convert_to_numpy(unit(ops.cast(self.traced(pixels), "float32"))))
        return np.concatenate(rows)

    def _read(self, image: str | Path | bytes, place: int) -> np.ndarray:
        name = f"image {place} of the list" if isinstance(image, bytes) else str(image)
        try:
            contents = image if isinstance(image, bytes) else Path(image).read_bytes()
            if not contents:
                raise DataError(f"{name} is empty.")
            return decode_image(contents, self.size).numpy()
        except OSError as error:
            raise DataError(f"{name} cannot be read: {error.strerror}.") from error
        except tf.errors.InvalidArgumentError as error:
            raise DataError(f"{name} is no JPEG, PNG, GIF or BMP image that can be decoded: {error.message}") from error

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "mean": self.mean,
            "scale": self.scale,
            "bgr": self.bgr,
            "pooling": self.pooling,
            "prefix_tokens": self.prefix_tokens,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ImageEncoder:
        config = dict(config)
        return cls(keras.saving.deserialize_keras_object(config.pop("backbone")), **config)


def _plain(value: float | Sequence[float]) -> float | list[float]:
    return [float(v) for v in value] if isinstance(value, Sequence) else value


def _resnet(
    shape: tuple[int, int, int], filters: Sequence[int], blocks: Sequence[int], stem: Sequence[int]
) -> ResNetBackbone:
    # The stem of several 3 x 3 convolutions and the "vd" blocks are those of He et al. 2019 (arXiv:1812.01187). The
    # blocks have a projection in the first stage too, so the stem, the most costly part on small images, can be narrow.
    return ResNetBackbone(
        input_conv_filters=list(stem),
        input_conv_kernel_sizes=[3] * len(stem),
        stackwise_num_filters=list(filters),
        stackwise_num_blocks=list(blocks),
        stackwise_num_strides=[1] + [2] * (len(filters) - 1),
        block_type="basic_block_vd",
        image_shape=shape,
    )
