"""One photograph of one product: pose, surroundings, light."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from product_matching.dataset.sample_shop.painting import Paint, Pose, paint_product
from product_matching.dataset.sample_shop.pigments import any_shade, part_colours, shade_of
from product_matching.dataset.sample_shop.scenes import draw_background, draw_clutter
from product_matching.dataset.sample_shop.spec import ProductSpec

PHOTO_SIZE = 96
_CANVAS = 144  # drawn larger and averaged down: smooth rims
_TILT = np.radians(15.0)
_VIVID = 0.15  # share of photos on a ground of strong colour; shops like pale ones
_PAIRS = 0.05  # share of photos that show a second, smaller copy


def photograph(spec: ProductSpec, rng: np.random.Generator) -> Image.Image:
    """Takes a new photo of the product, a [96, 96] RGB picture; two calls give two different photos."""
    body = shade_of(spec.colour, rng)
    second = shade_of(spec.second_colour, rng) if spec.second_colour else body
    canvas = draw_background(_CANVAS, _backdrop_shade(body, rng), rng)
    draw_clutter(canvas, rng, count=int(rng.integers(0, 2)), in_front=False)
    paint = Paint(part_colours(spec, body, rng), second, int(rng.integers(2**32)))
    if rng.random() < _PAIRS:
        corner = np.array([rng.choice([0.14, 0.86]), rng.uniform(0.15, 0.85)])
        paint_product(canvas, spec, _pose(rng, rng.uniform(0.28, 0.4), corner), paint)
    paint_product(canvas, spec, _draw_pose(rng), paint)
    draw_clutter(canvas, rng, count=int(rng.integers(0, 2)), in_front=True)
    return _expose(canvas.resize((PHOTO_SIZE, PHOTO_SIZE), Image.Resampling.HAMMING), rng)


def _backdrop_shade(body: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Any shade that does not swallow the product."""
    for _ in range(6):
        shade = any_shade(rng, vivid=rng.random() < _VIVID)
        if np.abs(shade - body).sum() > 130:
            break
    return shade


def _draw_pose(rng: np.random.Generator) -> Pose:
    """Somewhere in the frame; a large product may stick out a little."""
    size = rng.uniform(0.75, 0.97)
    reach = (1.0 - size) / 2 + 0.02
    return _pose(rng, size, 0.5 + rng.uniform(-reach, reach, 2))


def _pose(rng: np.random.Generator, size: float, centre: np.ndarray) -> Pose:
    angle = float(np.clip(rng.normal(0.0, _TILT / 3), -_TILT, _TILT))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.array([[rng.uniform(0.92, 1.08), rng.normal(0, 0.05)], [0.0, 1.0]])
    mirror = np.diag([rng.choice([-1.0, 1.0]), 1.0])
    placed = size * _CANVAS * turn @ stretch @ mirror
    return Pose(placed.astype(np.float32), (centre * _CANVAS).astype(np.float32))


def _expose(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light and lens: brightness, warm or cold tint, shade across the picture, blur, noise."""
    if rng.random() < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.8)))
    ramp = np.linspace(-0.5, 0.5, PHOTO_SIZE, dtype=np.float32)
    slope = rng.normal(0.0, 0.1, 2).astype(np.float32)
    light = rng.uniform(0.84, 1.1) + slope[0] * ramp[:, None] + slope[1] * ramp[None, :]
    warmth = rng.normal(0.0, 0.035)
    tint = np.array([1 + warmth, 1 + rng.normal(0, 0.012), 1 - warmth], np.float32)
    pixels = np.asarray(picture, np.float32) * (light[..., None] * tint)
    pixels += rng.standard_normal(pixels.shape, np.float32) * rng.uniform(0.5, 4.5)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
