"""Random views of images for training."""

from __future__ import annotations

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.visual.decoding import WHITE


def augment_images(images: Tensor, seed: Tensor, *, zoom: float = 0.2, light: float = 0.15) -> Tensor:
    """Mirrors, zooms, shifts and lights each image of a batch at random.

    Hue is left alone: colour is what a shopper asks for.

    Args:
        images: uint8 or float [B, H, W, 3], 0 to 255.
        seed: int [2]; the same seed gives the same result.
        zoom: A side of the window that is cut out differs from the image's by up to this share; it may reach outside,
            where it is white.
        light: Brightness is multiplied by a factor within 1 ± light.

    Returns:
        float32 [B, H, W, 3], 0 to 255.
    """
    images = tf.cast(images, tf.float32)
    count, size = tf.shape(images)[0], tf.cast(tf.shape(images)[1:3], tf.float32)
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    scale = 1 + tf.random.stateless_uniform([count, 2], seeds[0], -zoom, zoom)
    mirror = tf.where(tf.random.stateless_uniform([count], seeds[1]) < 0.5, -1.0, 1.0)
    scale *= tf.stack([tf.ones_like(mirror), mirror], axis=1)
    shift = tf.random.stateless_uniform([count, 2], seeds[2], -zoom / 2, zoom / 2) * size
    views = _scale_about_centre(images, scale, shift)
    factor = 1 + tf.random.stateless_uniform([count, 1, 1, 1], seeds[3], -light, light)
    return tf.clip_by_value(views * factor, 0, WHITE)


def _scale_about_centre(images: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Reads output pixel p from input pixel centre + scale · (p - centre) + shift; rows and columns apart."""
    shape = tf.shape(images)[1:3]
    centre = (tf.cast(shape, tf.float32) - 1) / 2
    offset = centre + shift - scale * centre
    nothing = tf.zeros_like(offset[:, 0])
    rows = [scale[:, 1], nothing, offset[:, 1], nothing, scale[:, 0], offset[:, 0], nothing, nothing]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack(rows, axis=1),
        output_shape=shape,
        fill_value=float(WHITE),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
