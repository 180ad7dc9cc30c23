"""The orientation that a camera notes in a JPEG, read and undone in the graph."""

from __future__ import annotations

import tensorflow as tf

from product_matching._types import Tensor

_HEAD = 1024  # the tag stands among the first of the first block
# Entry of the tag 0x0112 in either byte order: type 3 (short), count 1, then the value (None).
_ENTRIES = (
    (0x12, 0x01, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, None, 0x00),
    (0x01, 0x12, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x00, None),
)
_EXIF = (0x45, 0x78, 0x69, 0x66, 0x00, 0x00)


def orientation(contents: Tensor) -> Tensor:
    """The EXIF orientation of an image file (CIPA DC-008, tag 0x0112).

    Args:
        contents: string scalar, the bytes of a file.

    Returns:
        int32 scalar, 1 to 8; 1, upright, for anything but a JPEG that says otherwise.
    """
    return tf.cond(may_be_turned(contents), lambda: _from_jpeg(contents), lambda: tf.constant(1))


def may_be_turned(contents: Tensor) -> Tensor:
    """Whether a file is a JPEG with an EXIF block: bool scalar, known in a tenth of the time that reading it takes."""
    is_jpeg = tf.strings.substr(contents, 0, 2) == b"\xff\xd8"
    return is_jpeg & tf.strings.regex_full_match(tf.strings.substr(contents, 0, _HEAD), r"\C*Exif\x00\x00\C*")


def upright(pixels: Tensor, turn: Tensor) -> Tensor:
    """Undoes an orientation: [H, W, C] to [H, W, C], or [W, H, C] for 5 to 8."""
    pixels = tf.cond(turn >= 5, lambda: tf.transpose(pixels, [1, 0, 2]), lambda: pixels)
    across = (turn == 2) | (turn == 3) | (turn == 6) | (turn == 7)
    down = (turn == 3) | (turn == 4) | (turn == 7) | (turn == 8)
    pixels = tf.cond(across, lambda: pixels[:, ::-1], lambda: pixels)
    return tf.cond(down, lambda: pixels[::-1], lambda: pixels)


def _from_jpeg(contents: Tensor) -> Tensor:
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(contents, 0, _HEAD), tf.uint8), tf.int32)
    head = tf.pad(head, [[0, len(_ENTRIES[0])]])  # a place to look at, however short the file
    found = sum(_value(head, entry) for entry in _ENTRIES)
    said = tf.reduce_any(_matches(head, _EXIF)) & (found >= 1) & (found <= 8)
    return tf.where(said, found, 1)


def _value(head: Tensor, entry: tuple[int | None, ...]) -> Tensor:
    """The value of the first place that looks like the entry, 0 if none does."""
    matches = _matches(head, entry)
    place = tf.argmax(matches, output_type=tf.int32) + entry.index(None)
    return tf.cond(tf.reduce_any(matches), lambda: head[place], lambda: tf.constant(0))


def _matches(head: Tensor, pattern: tuple[int | None, ...]) -> Tensor:
    """bool, for each place whether the pattern starts there; None stands for any byte."""
    windows = tf.signal.frame(head, len(pattern), 1)
    known = [place for place, byte in enumerate(pattern) if byte is not None]
    wanted = tf.constant([pattern[place] for place in known])
    return tf.reduce_all(tf.gather(windows, known, axis=1) == wanted, axis=1)
