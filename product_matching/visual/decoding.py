"""From the bytes of an image file to pixels, in the graph: one function for training and serving."""

from __future__ import annotations

import math

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.visual.exif import is_turned, orientation, upright

WHITE = 255
RATIOS = (1, 2, 4, 8)
"""Scales at which libjpeg decodes."""
ENOUGH = 1.5
"""A decoded JPEG has at least so many times the pixels wanted on its longer side, so that its resizing stays smooth."""


def decode_image(contents: Tensor, size: int) -> Tensor:
    """Decodes one JPEG, PNG, GIF (first frame) or BMP and fits it into a white square.

    A JPEG is decoded at a reduced scale where it is much too large, and turned upright as its EXIF block says. Alpha is
    laid on white. The sides keep their ratio. The result is rounded to whole numbers, so that a pipeline may keep it as
    bytes and still feed what serving feeds.

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
    is_jpeg = tf.strings.substr(contents, 0, 3) == b"\xff\xd8\xff"
    pixels = tf.cond(is_jpeg, lambda: _jpeg(contents, size), lambda: _other(contents, size))
    room = size - tf.shape(pixels)[:2]
    before = room // 2
    margins = tf.stack([before, room - before], axis=1)
    pixels = tf.pad(pixels, tf.concat([margins, [[0, 0]]], axis=0), constant_values=tf.constant(WHITE, tf.uint8))
    return tf.ensure_shape(pixels, [size, size, 3])


def _jpeg(contents: Tensor, size: int) -> Tensor:
    """Decodes at a half, a quarter or an eighth where that leaves `ENOUGH` pixels: uint8 [h, w, 3].

    libjpeg then computes fewer coefficients: a photo of some megapixels takes a fraction of the time.
    """
    longest = tf.reduce_max(tf.io.extract_jpeg_shape(contents))
    branch = tf.reduce_sum(tf.cast(longest >= [math.ceil(ratio * ENOUGH * size) for ratio in RATIOS[1:]], tf.int32))
    pixels = tf.switch_case(
        branch, [lambda ratio=ratio: tf.io.decode_jpeg(contents, channels=3, ratio=ratio) for ratio in RATIOS]
    )
    pixels = _whole(_fit(tf.ensure_shape(pixels, [None, None, 3]), size))  # of bytes, which are quicker than floats
    return tf.cond(is_turned(contents), lambda: upright(pixels, orientation(contents)), lambda: pixels)


def _other(contents: Tensor, size: int) -> Tensor:
    """Any other format, on white: uint8 [h, w, 3]."""
    pixels = tf.cast(tf.io.decode_image(contents, channels=0, expand_animations=False), tf.float32)
    # Ink is what is not white: alpha scales ink, and what is resized is the ink, not what transparent pixels hide.
    return _whole(WHITE - _fit(_ink(tf.ensure_shape(pixels, [None, None, None])), size))


def _fit(pixels: Tensor, size: int) -> Tensor:
    """Resizes so that the longer side is `size`: float32 [h, w, C]."""
    sides = tf.cast(tf.shape(pixels)[:2], tf.float32)
    sides = tf.maximum(tf.cast(tf.round(sides * size / tf.reduce_max(sides)), tf.int32), 1)  # never thinner than a line
    shrinks = tf.reduce_all(sides <= tf.shape(pixels)[:2])
    # Shrunk by areas, which is as smooth as a wide filter and a fourth of the work; areas would enlarge to steps.
    return tf.cond(
        shrinks,
        lambda: tf.image.resize(pixels, sides, method="area"),
        lambda: tf.image.resize(pixels, sides, method="bilinear"),
    )


def _whole(pixels: Tensor) -> Tensor:
    """Floats to the nearest bytes."""
    return tf.cast(tf.clip_by_value(tf.round(pixels), 0, WHITE), tf.uint8)


def _ink(pixels: Tensor) -> Tensor:
    channels = tf.shape(pixels)[-1]
    has_alpha = (channels == 2) | (channels == 4)
    colours = WHITE - pixels[..., : channels - tf.cast(has_alpha, tf.int32)]
    alpha = tf.cond(has_alpha, lambda: pixels[..., -1:] / WHITE, lambda: tf.ones_like(pixels[..., :1]))
    ink = tf.broadcast_to(colours * alpha, tf.concat([tf.shape(pixels)[:2], [3]], axis=0))
    return tf.ensure_shape(ink, [None, None, 3])
