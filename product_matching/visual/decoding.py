"""From the bytes of an image file to pixels, in the graph: one function for training and serving."""

from __future__ import annotations

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.visual.exif import orientation, upright

WHITE = 255


def decode_image(contents: Tensor, size: int) -> Tensor:
    """Decodes one JPEG, PNG, GIF (first frame) or BMP and fits it into a white square.

    A JPEG is turned upright as its EXIF block says. Alpha is laid on white. The sides keep their ratio. The result is
    rounded to whole numbers, so that a pipeline may keep it as bytes and still feed what serving feeds.

    Args:
        contents: string scalar, the bytes of the file; `""` gives a white square.
        size: Height and width in pixels.

    Returns:
        uint8 [size, size, 3], RGB.

    Raises:
        tf.errors.InvalidArgumentError: If the bytes are no such image.
    """
    blank = tf.fill([size, size, 3], tf.constant(WHITE, tf.uint8))
    return tf.cond(tf.strings.length(contents) > 0, lambda: _decode(contents, size), lambda: blank)


def decode_images(contents: Tensor, size: int) -> Tensor:
    """Decodes a batch: string [B] to uint8 [B, size, size, 3]; see `decode_image`."""
    spec = tf.TensorSpec([size, size, 3], tf.uint8)
    return tf.map_fn(lambda one: decode_image(one, size), contents, fn_output_signature=spec)


def _decode(contents: Tensor, size: int) -> Tensor:
    pixels = tf.cast(tf.io.decode_image(contents, channels=0, expand_animations=False), tf.float32)
    pixels = tf.ensure_shape(pixels, [None, None, None])
    # Ink is what is not white: padding with zero ink is padding with white, and alpha scales ink.
    ink = _ink(pixels)
    sides = tf.cast(tf.shape(ink)[:2], tf.float32)
    sides = tf.maximum(tf.cast(tf.round(sides * size / tf.reduce_max(sides)), tf.int32), 1)  # never thinner than a line
    ink = upright(tf.image.resize(ink, sides, antialias=True), orientation(contents))
    top, left = tf.unstack((size - tf.shape(ink)[:2]) // 2)
    ink = tf.ensure_shape(tf.image.pad_to_bounding_box(ink, top, left, size, size), [size, size, 3])
    return tf.cast(tf.clip_by_value(tf.round(WHITE - ink), 0, WHITE), tf.uint8)


def _ink(pixels: Tensor) -> Tensor:
    channels = tf.shape(pixels)[-1]
    has_alpha = (channels == 2) | (channels == 4)
    colours = WHITE - pixels[..., : channels - tf.cast(has_alpha, tf.int32)]
    alpha = tf.cond(has_alpha, lambda: pixels[..., -1:] / WHITE, lambda: tf.ones_like(pixels[..., :1]))
    ink = tf.broadcast_to(colours * alpha, tf.concat([tf.shape(pixels)[:2], [3]], axis=0))
    return tf.ensure_shape(ink, [None, None, 3])
