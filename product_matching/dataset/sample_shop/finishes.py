"""Materials as the camera sees them: grain, weave, gloss."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

Places = np.ndarray  # [n] float32, one coordinate of n points on the unit square of the product

_TILE = 256


def finish(material: str, u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    """The light that each point of the material returns.

    Args:
        material: slug of a material.
        u: [n] places from left to right.
        v: [n] places from top to bottom.
        rng: draws where grain and gloss lie.

    Returns:
        [n] factors around 1 for the colour.
    """
    return _FINISHES[material](u, v, rng)


@cache
def noise_tile(softness: int) -> np.ndarray:
    """A repeating [256, 256] tile of noise in -1..1; the larger `softness`, the larger its spots."""
    rng = np.random.default_rng(softness)
    spectrum = np.fft.rfft2(rng.standard_normal((_TILE, _TILE)))
    rows, columns = np.fft.fftfreq(_TILE)[:, None], np.fft.rfftfreq(_TILE)[None, :]
    soft = np.fft.irfft2(spectrum * np.exp(-2 * (np.pi * softness) ** 2 * (rows**2 + columns**2)))
    return (soft / np.abs(soft).max()).astype(np.float32)


def _spots(u: Places, v: Places, rng: np.random.Generator, softness: int, fine: tuple[float, float]) -> np.ndarray:
    """Noise at the points, `fine` tile pixels a unit across and down."""
    left, top = rng.integers(0, _TILE, 2)
    rows = (v * fine[1] + top).astype(np.int32) % _TILE
    columns = (u * fine[0] + left).astype(np.int32) % _TILE
    return noise_tile(softness)[rows, columns]


def _gloss(u: Places, v: Places, rng: np.random.Generator, strength: float, size: float) -> np.ndarray:
    """A highlight on the upper part."""
    x, y = rng.uniform(0.28, 0.72), rng.uniform(0.25, 0.5)
    return strength * np.exp(-(((u - x) / size) ** 2 + ((v - y) / (1.7 * size)) ** 2))


def _woven(u: Places, v: Places, rng: np.random.Generator, threads: float, strength: float) -> np.ndarray:
    return 1 + strength * np.sin(u * threads) * np.sin(v * threads)


def _cloth(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 1 + 0.12 * _spots(u, v, rng, 8, (90, 160))  # soft folds


def _linen(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 1 + 0.14 * _spots(u, v, rng, 1, (12, 220)) + 0.14 * _spots(u, v, rng, 1, (220, 12))


def _knit(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    wales = np.abs((u * 20) % 1 - 0.5)
    return 0.86 + 0.28 * np.abs(np.sin((v * 20 + wales) * np.pi))


def _denim(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 1 + 0.12 * np.sin((u + v) * 130) + 0.25 * _spots(u, v, rng, 5, (70, 130))


def _leather(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 0.95 + 0.3 * _spots(u, v, rng, 2, (130, 130)) + _gloss(u, v, rng, 0.45, 0.12)


def _suede(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 0.95 + 0.35 * _spots(u, v, rng, 4, (110, 110))


def _canvas(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return _woven(u, v, rng, 120, 0.2)


def _mesh(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 1 - 0.35 * ((np.sin(u * 110) > 0.3) & (np.sin(v * 110) > 0.3))


def _nylon(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 1 + 0.25 * _spots(u, v, rng, 6, (60, 200)) * np.abs(_spots(u, v, rng, 4, (200, 60)))


def _ceramic(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 0.95 + _gloss(u, v, rng, 0.6, 0.09)


def _glass(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    streak = np.abs(u - v * 0.3 - rng.uniform(0.1, 0.4)) < 0.05
    return 0.92 + 0.45 * streak + _gloss(u, v, rng, 0.5, 0.05)


def _enamel(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 0.97 - 0.5 * (_spots(u, v, rng, 1, (60, 60)) > 0.6) + _gloss(u, v, rng, 0.3, 0.12)  # dark specks


def _metal(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 0.9 + 0.28 * np.cos((u - rng.uniform(0.2, 0.5)) * 13) + 0.06 * _spots(u, v, rng, 1, (8, 250))


def _wood(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    rings = np.sin(v * 45 + 8 * _spots(u, v, rng, 6, (24, 90)))
    return 0.92 + 0.14 * rings + 0.2 * _spots(u, v, rng, 1, (10, 200))


def _plastic(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 0.97 + _gloss(u, v, rng, 0.35, 0.2)


def _velvet(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 0.95 + 0.4 * _spots(u, v, rng, 6, (60, 90))


def _plush(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 0.95 + 0.45 * _spots(u, v, rng, 1, (90, 60))


def _straw(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    over = ((u * 16).astype(np.int32) + (v * 16).astype(np.int32)) % 2
    return 0.84 + 0.26 * np.where(over, np.abs(np.sin(u * 16 * np.pi)), np.abs(np.sin(v * 16 * np.pi)))


def _rubber(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return 0.9 + 0.2 * _gloss(u, v, rng, 1.0, 0.3)


_FINISHES: dict[str, Callable[[Places, Places, np.random.Generator], np.ndarray]] = {
    "cotton": _cloth,
    "linen": _linen,
    "wool": _knit,
    "denim": _denim,
    "leather": _leather,
    "suede": _suede,
    "canvas": _canvas,
    "mesh": _mesh,
    "nylon": _nylon,
    "ceramic": _ceramic,
    "glass": _glass,
    "enamel": _enamel,
    "metal": _metal,
    "wood": _wood,
    "plastic": _plastic,
    "velvet": _velvet,
    "plush": _plush,
    "straw": _straw,
    "rubber": _rubber,
}
