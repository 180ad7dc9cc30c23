"""Random views of images for training."""

from __future__ import annotations

import math

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.visual.decoding import WHITE


def augment_images(
    images: Tensor,
    seed: Tensor,
    *,
    zoom: float = 0.2,
    turn: float = 15.0,
    light: float = 0.15,
    hide: float = 0.35,
    strength: float = 1.0,
) -> Tensor:
    """Mirrors, zooms, shifts, turns, lights and partly hides each image of a batch at random.

    Hue is left alone: colour is what a shopper asks for.

    Args:
        images: uint8 or float [B, H, W, 3], 0 to 255.
        seed: int [2]; the same seed gives the same result.
        zoom: A side of the window that is cut out differs from the image's by up to this share, and its centre moves by
            up to half of that; where it reaches outside, the rim of the image goes on.
        turn: Largest angle of the window, in degrees.
        light: Brightness is multiplied by a factor within 1 ± light.
        hide: Largest side of a grey square that covers a part of the image, as a share of the image's side ("cutout",
            DeVries and Taylor 2017, arXiv:1708.04552).
        strength: Factor of all four, 0 to 2.

    Returns:
        float32 [B, H, W, 3], 0 to 255.
    """
    images = tf.cast(images, tf.float32)
    zoom, turn, light, hide = (strength * amount for amount in (zoom, turn, light, hide))
    count, size = tf.shape(images)[0], tf.cast(tf.shape(images)[1:3], tf.float32)
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 6))
    scale = 1 + tf.random.stateless_uniform([count, 2], seeds[0], -zoom, zoom)
    mirror = tf.where(tf.random.stateless_uniform([count], seeds[1]) < 0.5, -1.0, 1.0)
    shift = tf.random.stateless_uniform([count, 2], seeds[2], -zoom / 2, zoom / 2) * size
    angle = tf.random.stateless_uniform([count], seeds[3], -turn, turn) * math.pi / 180
    views = _look_through(images, scale * tf.stack([tf.ones_like(mirror), mirror], axis=1), angle, shift)
    factor = 1 + tf.random.stateless_uniform([count, 1, 1, 1], seeds[4], -light, light)
    return _cover(tf.clip_by_value(views * factor, 0, WHITE), seeds[5], hide)


def _cover(images: Tensor, seed: Tensor, largest: float) -> Tensor:
    shape = tf.shape(images)
    draws = tf.random.stateless_uniform([shape[0], 4, 1], seed)
    rows = tf.abs(tf.linspace(0.0, 1.0, shape[1])[None, :] - draws[:, 0]) < draws[:, 2] * largest / 2
    columns = tf.abs(tf.linspace(0.0, 1.0, shape[2])[None, :] - draws[:, 1]) < draws[:, 2] * largest / 2
    # Channels lie beside columns here: to stretch a mask over a last axis of three takes twice as long as all the rest.
    lines = tf.reshape(images, [shape[0], shape[1], -1])
    covered = tf.cast(rows, tf.float32)[:, :, None] * tf.cast(tf.repeat(columns, 3, axis=1), tf.float32)[:, None, :]
    grey = draws[:, 3:] * WHITE
    return tf.reshape(lines * (1 - covered) + covered * grey, shape)


def _look_through(images: Tensor, scale: Tensor, angle: Tensor, shift: Tensor) -> Tensor:
    """Reads output pixel p from input pixel centre + turned(scale · (p - centre)) + shift; rows before columns."""
    shape = tf.shape(images)[1:3]
    centre = (tf.cast(shape, tf.float32) - 1) / 2
    cos, sin = tf.cos(angle), tf.sin(angle)
    from_row = tf.stack([cos * scale[:, 0], sin * scale[:, 0]], axis=1)  # what one output row adds to (row, column)
    from_column = tf.stack([-sin * scale[:, 1], cos * scale[:, 1]], axis=1)
    offset = centre + shift - from_row * centre[0] - from_column * centre[1]
    nothing = tf.zeros_like(angle)
    # The op wants x (columns) before y (rows).
    transforms = [from_column[:, 1], from_row[:, 1], offset[:, 1], from_column[:, 0], from_row[:, 0], offset[:, 0]]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([*transforms, nothing, nothing], axis=1),
        output_shape=shape,
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
