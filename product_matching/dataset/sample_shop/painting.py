"""Paints one product onto a canvas: its parts, pattern, material and shadow, in a given pose."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from product_matching.dataset.sample_shop.finishes import finish
from product_matching.dataset.sample_shop.outlines import Tone
from product_matching.dataset.sample_shop.patterns import pattern_mask
from product_matching.dataset.sample_shop.silhouettes import silhouette
from product_matching.dataset.sample_shop.spec import ProductSpec

_SHADOW = (12, 12, 18)
_SHADOW_STRENGTH = 110  # of 255


class Pose(NamedTuple):
    """Where the product stands: pixel = turn @ (unit - 0.5) + centre.

    Attributes:
        turn: [2, 2] float32, rotation, mirror and size in pixels of the canvas.
        centre: [2] float32, where the middle of the unit square comes to lie, in pixels.
    """

    turn: np.ndarray
    centre: np.ndarray


class Paint(NamedTuple):
    """The colours of one copy of the product.

    Attributes:
        tones: [tones, 3] float32, 0..255, the colour of each tone.
        second: [3] float32, the colour of the pattern.
        seed: decides the size and place of pattern and texture: two pictures of one copy agree.
    """

    tones: np.ndarray
    second: np.ndarray
    seed: int


def paint_product(canvas: Image.Image, spec: ProductSpec, pose: Pose, paint: Paint) -> None:
    """Paints the product in its pose onto the square canvas, with its shadow beside it."""
    tones = _tone_map(canvas.width, spec, pose)
    _cast_shadow(canvas, tones, pose)
    pixels = np.array(canvas).reshape(-1, 3)
    places = np.flatnonzero(tones)
    colours = _colours(spec, tones.ravel()[places], _to_unit(places, canvas.width, pose), paint)
    if spec.material == "glass":  # the ground shines through
        colours = 0.8 * colours + 0.2 * pixels[places]
    pixels[places] = np.clip(colours, 0, 255)
    canvas.paste(Image.fromarray(pixels.reshape(canvas.height, canvas.width, 3)))


def _tone_map(side: int, spec: ProductSpec, pose: Pose) -> np.ndarray:
    """The tone of every pixel, [side, side] uint8, 0 where the product is not."""
    picture = Image.new("L", (side, side))
    pen = ImageDraw.Draw(picture)
    for part in silhouette(spec.kind, spec.shape):
        points = (part.outline - 0.5) @ pose.turn.T + pose.centre
        pen.polygon(points.ravel().tolist(), fill=int(part.tone), outline=int(Tone.EDGE))
    return np.asarray(picture)


def _to_unit(places: np.ndarray, side: int, pose: Pose) -> np.ndarray:
    """[2, n] places on the product's unit square for n flat pixel numbers."""
    rows, columns = np.divmod(places.astype(np.int32), np.int32(side))
    offset = np.stack([columns, rows]).astype(np.float32) - pose.centre[:, None]
    return np.linalg.inv(pose.turn) @ offset + np.float32(0.5)


def _colours(spec: ProductSpec, tones: np.ndarray, unit: np.ndarray, paint: Paint) -> np.ndarray:
    """The [n, 3] colours of the n product pixels: tone, pattern, material, and the light on the whole."""
    rng = np.random.default_rng(paint.seed)
    colours = paint.tones[tones]
    own = np.flatnonzero((tones == Tone.BODY) | (tones == Tone.SHADE))
    if len(own):
        colours[own] = _own_colours(spec, tones[own], unit[:, own], paint, rng)
    slope = rng.normal(0.0, 0.15, 2).astype(np.float32)
    light = 1.0 + slope @ (unit - 0.5) - 0.25 * (unit[0] - 0.5) ** 2
    return colours * light[:, None]


def _own_colours(
    spec: ProductSpec, tones: np.ndarray, unit: np.ndarray, paint: Paint, rng: np.random.Generator
) -> np.ndarray:
    """The [n, 3] colours of the parts that carry the product's own colour and pattern."""
    colours = paint.tones[tones]
    if spec.pattern != "plain":
        mask = pattern_mask(spec.pattern, unit[0], unit[1], rng)[:, None]
        figures = np.outer(np.where(np.arange(len(Tone)) == Tone.SHADE, 0.85, 1.0), paint.second)
        colours += (figures.astype(np.float32)[tones] - colours) * mask
    colours *= finish(spec.material, unit[0], unit[1], rng)[:, None]
    return colours


def _cast_shadow(canvas: Image.Image, tones: np.ndarray, pose: Pose) -> None:
    """Darkens the ground below and beside the product, softly."""
    small = Image.fromarray((tones[::4, ::4] > 0).astype(np.uint8) * _SHADOW_STRENGTH)
    soft = small.filter(ImageFilter.BoxBlur(1.6)).resize(canvas.size, Image.Resampling.BILINEAR)
    # The light comes from one side: the pose decides from which, so that no draw is needed.
    reach = canvas.width // 27
    canvas.paste(_SHADOW, (reach if pose.centre[0] < canvas.width / 2 else -reach, reach), soft)
