"""The orientation that a camera notes in a JPEG, read and undone in the graph."""

from __future__ import annotations

import tensorflow as tf

from product_matching._types import Tensor

_HEAD = 1024  # the tag stands among the first of the first block
# A block "Exif", and in it the entry of the tag 0x0112 in either byte order: type 3 (short), count 1, then the value.
# \\C is any byte. One expression is quicker than comparisons, of which each is an operation of the graph.
_SAID = (
    r"\C*?Exif\x00\x00\C*?"
    r"(?:\x12\x01\x03\x00\x01\x00\x00\x00|\x01\x12\x00\x03\x00\x00\x00\x01\x00)([\x01-\x08])\C*"
)


def is_turned(contents: Tensor) -> Tensor:
    """Whether a JPEG notes an orientation: string scalar to bool scalar. Quicker than `orientation`."""
    return tf.strings.regex_full_match(tf.strings.substr(contents, 0, _HEAD), _SAID)


def orientation(contents: Tensor) -> Tensor:
    """The EXIF orientation of an image file (CIPA DC-008, tag 0x0112).

    Args:
        contents: string scalar, the bytes of a file.

    Returns:
        int32 scalar, 1 to 8; 1, upright, for anything but a JPEG that says otherwise.
    """
    is_jpeg = tf.strings.substr(contents, 0, 2) == b"\xff\xd8"
    value = tf.strings.regex_replace(tf.strings.substr(contents, 0, _HEAD), f"^{_SAID}$", r"\1")
    said = is_jpeg & (tf.strings.length(value) == 1)
    byte = tf.io.decode_raw(tf.where(said, value, b"\x01"), tf.uint8)
    return tf.cast(byte[0], tf.int32)


def upright(pixels: Tensor, turn: Tensor) -> Tensor:
    """Undoes an orientation: [H, W, C] to [H, W, C], or [W, H, C] for 5 to 8."""
    pixels = tf.cond(turn >= 5, lambda: tf.transpose(pixels, [1, 0, 2]), lambda: pixels)
    across = (turn == 2) | (turn == 3) | (turn == 6) | (turn == 7)
    down = (turn == 3) | (turn == 4) | (turn == 7) | (turn == 8)
    pixels = tf.cond(across, lambda: pixels[:, ::-1], lambda: pixels)
    return tf.cond(down, lambda: pixels[::-1], lambda: pixels)
