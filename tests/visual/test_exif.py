"""Orientation against Pillow's own reading of it."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from product_matching.visual import decode_image
from product_matching.visual.exif import orientation

# Brighter to the right and, more so, to the bottom: no two of its eight turns look alike.
CORNERS = (np.arange(24)[:, None] * 7 + np.arange(36)[None] * 2).astype("uint8")


def jpeg(turn=None, *, make=""):
    exif = Image.Exif()
    if make:
        exif[0x010F] = make
    if turn is not None:
        exif[0x0112] = turn
    out = io.BytesIO()
    Image.fromarray(CORNERS).save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


def big_endian(turn):
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + turn.to_bytes(2, "big") + b"\x00\x00"
    block = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + entry + b"\x00\x00\x00\x00"
    plain = jpeg()
    return plain[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + plain[2:]


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("write", [jpeg, big_endian, lambda turn: jpeg(turn, make="A camera's maker")])
def test_orientation_is_pillows(turn, write):
    contents = write(turn)
    assert Image.open(io.BytesIO(contents)).getexif()[0x0112] == turn
    assert orientation(tf.constant(contents)) == turn


@pytest.mark.parametrize("turn", range(1, 9))
def test_the_image_stands_as_pillow_turns_it(turn):
    contents, out = jpeg(turn), io.BytesIO()
    ImageOps.exif_transpose(Image.open(io.BytesIO(contents))).save(out, "PNG")
    expected = decode_image(tf.constant(out.getvalue()), 24).numpy().astype(int)
    assert np.abs(decode_image(tf.constant(contents), 24).numpy() - expected).max() <= 3  # of two JPEG decoders


@pytest.mark.parametrize(
    "contents", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0" + b"\x00" * 40, b"\x89PNG" + big_endian(6), jpeg()],
    ids=["nothing", "two bytes", "zeros", "no JPEG", "no EXIF"],
)  # fmt: skip
def test_all_else_is_upright(contents):
    assert orientation(tf.constant(contents)) == 1


@pytest.mark.parametrize("turn", [0, 9, 200])
def test_values_without_a_meaning_are_upright(turn):
    assert orientation(tf.constant(big_endian(turn))) == 1
