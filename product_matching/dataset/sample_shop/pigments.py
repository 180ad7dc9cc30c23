"""Named colours as red, green and blue, and the colours of the parts that have none of the product's own."""

from __future__ import annotations

import colorsys

import numpy as np

from product_matching.dataset.sample_shop.outlines import Tone
from product_matching.dataset.sample_shop.spec import ProductSpec

# name -> hue in degrees, saturation and value in percent, each (least, most)
_RANGES: dict[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    "black": ((200, 260), (0, 20), (7, 17)),
    "white": ((30, 60), (0, 6), (92, 100)),
    "grey": ((200, 230), (0, 6), (45, 58)),
    "red": ((352, 364), (82, 95), (68, 90)),
    "orange": ((20, 30), (85, 100), (88, 100)),
    "yellow": ((48, 57), (75, 95), (90, 100)),
    "green": ((100, 145), (60, 85), (42, 68)),
    "blue": ((210, 234), (70, 95), (58, 90)),
    "purple": ((272, 292), (55, 80), (42, 62)),
    "pink": ((322, 346), (28, 50), (92, 100)),
    "brown": ((18, 28), (60, 75), (30, 44)),
}
_METAL = {"light": (196, 198, 204), "gold": (206, 170, 96), "dark": (112, 114, 122)}
_WOODS = ((196, 152, 98), (150, 104, 62), (98, 66, 42))


def shade_of(colour: str, rng: np.random.Generator) -> np.ndarray:
    """One [3] shade (0..255) that people call by that name."""
    hue, saturation, value = (rng.uniform(*bounds) for bounds in _RANGES[colour])
    return np.array(colorsys.hsv_to_rgb(hue / 360 % 1, saturation / 100, value / 100), np.float32) * 255


def any_shade(rng: np.random.Generator, *, vivid: bool = True) -> np.ndarray:
    """Any [3] shade, pale ones more often than a uniform draw would give; without `vivid`, nearly grey ones only."""
    saturation = rng.beta(1.0, 1.8) * (1.0 if vivid else 0.3)
    return np.array(colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(0.15, 1.0)), np.float32) * 255


def part_colours(spec: ProductSpec, body: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The colour of each tone, [tones, 3]; the pattern is painted over BODY and SHADE later."""
    colours = np.zeros((len(Tone), 3), np.float32)
    lightness = float(body.mean())
    colours[Tone.BODY] = body
    # Darker than the body, except on black, where only lighter parts can be seen.
    colours[Tone.SHADE] = body * 0.8 if lightness > 50 else body + 22
    colours[Tone.EDGE] = body * 0.55 if lightness > 60 else body + 48
    colours[Tone.INSIDE] = body * 0.35 if lightness > 60 else body + 30
    colours[Tone.TRIM] = _trim(spec, body, rng)
    colours[Tone.DARK] = rng.uniform(22, 62)
    colours[Tone.PALE] = rng.uniform(222, 250)
    colours[Tone.METAL] = _METAL[str(rng.choice(list(_METAL)))]
    colours[Tone.LENS] = np.array([40, 46, 58]) + rng.uniform(0, 30, 3)
    return colours


def _trim(spec: ProductSpec, body: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Handles, straps, legs, collars: of the material where it shows, else darker, dark, or pale."""
    if spec.group in ("furniture", "home") and spec.material in ("wood", "metal"):
        return np.array(_WOODS[rng.integers(3)] if spec.material == "wood" else _METAL["light"], np.float32)
    if spec.kind == "teddy-bear":
        return 0.5 * body + 0.5 * np.array([238, 214, 180], np.float32)
    choices = [body * 0.62 if body.mean() > 60 else body + 45, np.full(3, rng.uniform(25, 60)),
               np.full(3, rng.uniform(215, 245)), np.array(_WOODS[rng.integers(3)], np.float32)]  # fmt: skip
    return choices[int(rng.choice(4, p=[0.45, 0.2, 0.15, 0.2]))]
