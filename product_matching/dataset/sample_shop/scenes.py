"""What stands around the product: backgrounds and clutter."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from product_matching.dataset.sample_shop.finishes import noise_tile
from product_matching.dataset.sample_shop.pigments import any_shade

_SIZE = 72  # what lies behind is a little out of focus: half of the canvas is enough
_ROWS, _COLUMNS = np.mgrid[0:_SIZE, 0:_SIZE].astype(np.float32) / _SIZE


def draw_background(size: int, shade: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """A [size, size] picture of an empty place, mostly of the [3] shade."""
    scene = _SCENES[int(rng.choice(len(_SCENES), p=_SHARES))](shade, rng)
    picture = Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))
    return picture.resize((size, size), Image.Resampling.BILINEAR)


def draw_clutter(picture: Image.Image, rng: np.random.Generator, *, count: int, in_front: bool) -> None:
    """Puts small things of any colour onto the picture; those in front keep to the rim."""
    pen = ImageDraw.Draw(picture)
    side = picture.width
    for _ in range(count):
        angle = rng.uniform(0, 2 * np.pi)
        distance = rng.uniform(0.46, 0.6) if in_front else rng.uniform(0.25, 0.55)
        x, y = 0.5 + distance * np.cos(angle), 0.5 + distance * np.sin(angle)
        corners = _thing(rng, rng.uniform(0.05, 0.10 if in_front else 0.17)) + np.array([x, y])
        fill = tuple(int(value) for value in any_shade(rng))
        pen.polygon((corners * side).ravel().tolist(), fill=fill, outline=tuple(value // 2 for value in fill))


def _thing(rng: np.random.Generator, radius: float) -> np.ndarray:
    """A disc, a bar, or a polygon with 3 to 5 corners, around the origin."""
    form = rng.integers(3)
    corners = (24, 4, int(rng.integers(3, 6)))[form]
    angles = np.arange(corners) * 2 * np.pi / corners
    turn, flat = rng.uniform(0, 2 * np.pi), (rng.uniform(0.7, 1.0), rng.uniform(0.2, 0.5), 1.0)[form]
    x, y = radius * np.cos(angles), radius * flat * np.sin(angles)
    return np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1)


def _plain(shade: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(shade, (_SIZE, _SIZE, 3))


def _gradient(shade: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    along = 0.5 + (_COLUMNS - 0.5) * math.cos(angle) + (_ROWS - 0.5) * math.sin(angle)
    return shade + (any_shade(rng) - shade) * np.clip(along, 0, 1)[..., None] * rng.uniform(0.4, 1.0)


def _wood(shade: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shade = shade * 0.35 + np.array([150, 105, 62], np.float32) * rng.uniform(0.45, 1.25) * 0.65
    boards = int(rng.integers(3, 7))
    along = _ROWS * boards
    light = 1 + 0.4 * _crop(rng, 2, 6, 1) - 0.3 * (along % 1 < 0.05)
    light += rng.uniform(-0.12, 0.12, boards).astype(np.float32)[along.astype(np.int32)]
    return shade * (light if rng.random() < 0.7 else light.T)[..., None]


def _fabric(shade: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    threads = rng.uniform(60, 150)
    light = 1 + 0.1 * np.sin(_ROWS * threads) * np.sin(_COLUMNS * threads) + 0.3 * _crop(rng, 12, 1, 1)
    if rng.random() < 0.1:  # a tablecloth with broad stripes of its own
        light = light - rng.uniform(0.1, 0.3) * (np.sin((_ROWS + _COLUMNS * rng.uniform(-1, 1)) * 22) > 0)
    return shade * light[..., None]


def _room(shade: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A wall over a floor, their border somewhere in the lower half."""
    horizon = rng.uniform(0.45, 0.85)
    below = horizon < _ROWS
    light = np.where(below, 1 + 0.15 * _crop(rng, 2, 3, 1), 0.85 + 0.25 * _ROWS)
    if rng.random() < 0.15:  # tiles on the wall
        light -= 0.15 * (~below & (((_COLUMNS * 6) % 1 < 0.06) | ((_ROWS * 6) % 1 < 0.06)))
    light -= 0.3 * (np.abs(_ROWS - horizon) < 0.012)
    return np.where(below[..., None], any_shade(rng), shade) * light[..., None]


def _crop(rng: np.random.Generator, softness: int, down: int, across: int) -> np.ndarray:
    """A square piece of the noise tile, drawn out `down` times finer from top to bottom."""
    tile = noise_tile(softness)
    top, left = rng.integers(0, len(tile), 2)
    rows = (np.arange(_SIZE) * down + top) % len(tile)
    columns = (np.arange(_SIZE) * across + left) % len(tile)
    return tile[rows[:, None], columns[None, :]]


_SCENES: tuple[Callable[[np.ndarray, np.random.Generator], np.ndarray], ...] = (
    _plain,
    _gradient,
    _wood,
    _fabric,
    _room,
)
_SHARES = (0.35, 0.3, 0.1, 0.1, 0.15)
