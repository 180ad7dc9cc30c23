"""Changes of light and colour, a few at random for each image."""

from __future__ import annotations

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.visual.decoding import WHITE

CHANGES = ("brightness", "contrast", "saturation", "sharpness", "posterise")
"""Hue is not among them: colour is what a shopper asks for. Geometry is the business of `augment_images`."""


def rand_augment(images: Tensor, seed: Tensor, *, ops: int = 2, strength: float = 1.0) -> Tensor:
    """Applies `ops` changes, drawn for each image, one after the other.

    RandAugment (Cubuk et al. 2019, arXiv:1909.13719) without the changes that alter hue or place.

    Args:
        images: uint8 or float [B, H, W, 3], 0 to 255.
        seed: int [2]; the same seed gives the same result.
        ops: Changes an image gets; the same may come twice.
        strength: How far a change goes, 0 to 2.

    Returns:
        float32 [B, H, W, 3], 0 to 255.
    """
    images = tf.cast(images, tf.float32)
    count = tf.shape(images)[0]
    for step_seed in tf.unstack(tf.random.experimental.stateless_split(seed, ops)):
        kind_seed, size_seed = tf.unstack(tf.random.experimental.stateless_split(step_seed, 2))
        kind = tf.random.stateless_uniform([count, 1, 1, 1], kind_seed, 0, len(CHANGES), tf.int32)
        amount = 0.3 * strength * tf.random.stateless_uniform([count, 1, 1, 1], size_seed, -1.0, 1.0)
        changed = images
        for number, one in enumerate(_all_changes(images, amount)):
            changed = tf.where(kind == number, one, changed)
        images = tf.clip_by_value(changed, 0, WHITE)
    return images


def _all_changes(images: Tensor, amount: Tensor) -> list[Tensor]:
    """Each of `CHANGES`, by a factor of 1 + amount."""
    grey = tf.image.rgb_to_grayscale(images)
    blurred = tf.nn.avg_pool2d(images, 3, 1, "SAME")
    levels = 2 ** tf.round(7 - 8 * tf.abs(amount))
    return [
        images * (1 + amount),
        _away(images, tf.reduce_mean(grey, axis=(1, 2, 3), keepdims=True), amount),
        _away(images, grey, amount),
        _away(images, blurred, 2 * amount),
        tf.round(images / WHITE * levels) / levels * WHITE,
    ]


def _away(images: Tensor, base: Tensor, amount: Tensor) -> Tensor:
    return base + (images - base) * (1 + amount)
