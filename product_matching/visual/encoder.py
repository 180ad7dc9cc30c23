"""The image tower: a ResNet or a ViT and average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from keras_hub.models import ResNetBackbone, ViTBackbone

from product_matching._types import FloatArray, Tensor
from product_matching.visual.decoding import decode_image


@keras.saving.register_keras_serializable("product_matching")
class ImageEncoder(keras.Model):
    """V_i: a backbone over pixels, averaged over positions to one vector an image.

    Args:
        backbone: A Keras model from [B, size, size, 3] to a feature map [B, h, w, c] or tokens [B, n, c].
        mean, scale: The backbone's own preprocessing: it is fed `(pixels - mean) * scale`, pixels RGB from 0 to 255.

    Example:
        >>> encoder = ImageEncoder.from_scratch("resnet", size=64, filters=(64, 128))
        >>> encoder(np.zeros((2, 64, 64, 3), "uint8")).shape
        (2, 128)
    """

    def __init__(self, backbone: keras.Model, *, mean: float = 127.5, scale: float = 1 / 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.mean = mean
        self.scale = scale
        self.size = backbone.input_shape[1]
        self.dim = backbone.output_shape[-1]
        self.built = True

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
    ) -> ImageEncoder:
        """Makes an encoder with new weights; see `ImageConfig` for the arguments."""
        shape = (size, size, 3)
        if backbone == "resnet":
            return cls(_resnet(shape, filters, blocks, stem))
        network = ViTBackbone(
            image_shape=shape,
            patch_size=patch_size,
            num_layers=layers,
            num_heads=heads,
            hidden_dim=hidden_dim,
            mlp_dim=intermediate_dim,
            dropout_rate=dropout,
        )
        return cls(network)

    def call(self, images: Tensor, training: bool | None = None) -> Tensor:
        """Encodes pixels.

        Args:
            images: [B, size, size, 3], RGB, 0 to 255.

        Returns:
            [B, dim], not normalised.
        """
        pixels = (ops.cast(images, self.compute_dtype) - self.mean) * self.scale
        features = self.backbone(pixels, training=training)
        return ops.mean(features, axis=list(range(1, len(features.shape) - 1)))

    def encode(self, images: Sequence[str | Path | bytes], *, batch_size: int = 64) -> FloatArray:
        """Encodes image files, given by path or as their bytes.

        Returns:
            float32 [N, dim], each row of length 1.
        """
        rows = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(images), batch_size):
            contents = [i if isinstance(i, bytes) else Path(i).read_bytes() for i in images[start : start + batch_size]]
            pixels = np.stack([decode_image(one, self.size).numpy() for one in contents])
            rows.append(ops.convert_to_numpy(ops.normalize(ops.cast(self(pixels), "float32"), axis=-1)))
        return np.concatenate(rows)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "mean": self.mean,
            "scale": self.scale,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ImageEncoder:
        return cls(keras.saving.deserialize_keras_object(config.pop("backbone")), **config)


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
