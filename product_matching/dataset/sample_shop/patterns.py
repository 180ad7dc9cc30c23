"""Patterns on a product: where the second colour goes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Places = np.ndarray  # [n] float32, one coordinate of n points on the unit square of the product


_ANGLES = (0.0, 0.0, math.pi / 2, math.pi / 4)  # level, upright, slanting


def pattern_mask(pattern: str, u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    """How much of the second colour each point shows.

    Args:
        pattern: slug of a pattern.
        u: [n] places from left to right.
        v: [n] places from top to bottom.
        rng: draws size, angle and phase.

    Returns:
        [n] shares in 0..1, 0 being the product's own colour.
    """
    return _MASKS[pattern](u, v, rng).astype(np.float32)


def _plain(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    return np.zeros_like(u)


def _striped(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    angle = _ANGLES[rng.integers(4)] + rng.normal(0, 0.05)
    along = u * math.sin(angle) + v * math.cos(angle)
    return _wave(along, rng.uniform(0.22, 0.32), rng) < rng.uniform(0.28, 0.36)


def _dotted(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    period = rng.uniform(0.22, 0.3)
    row = np.floor(v / period)
    across = (u / period + 0.5 * (row % 2) + rng.random()) % 1 - 0.5
    down = (v / period) % 1 - 0.5
    return np.hypot(across, down) < rng.uniform(0.26, 0.33)


def _checked(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    period = rng.uniform(0.26, 0.36)
    across = _wave(u, period, rng) < 0.32
    down = _wave(v, period, rng) < 0.32
    return 0.5 * across + 0.5 * down


def _floral(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    period = rng.uniform(0.3, 0.38)
    column, row = np.floor(u / period), np.floor(v / period)
    # Every cell of the grid holds one flower, shifted and turned by a hash of the cell.
    shift = np.sin(column * 12.9898 + row * 78.233 + rng.random() * 9) * 43758.5453
    across = u / period - column - 0.5 + 0.16 * np.sin(shift)
    down = v / period - row - 0.5 + 0.16 * np.cos(shift)
    distance = np.hypot(across, down)
    petals = 0.30 + 0.13 * np.cos(5 * np.arctan2(down, across) + shift)
    return (distance < petals) & (distance > 0.1)


def _zigzag(u: Places, v: Places, rng: np.random.Generator) -> np.ndarray:
    teeth = np.abs((u / rng.uniform(0.26, 0.36) + rng.random()) % 1 - 0.5)
    return _wave(v + teeth * rng.uniform(0.3, 0.4), rng.uniform(0.26, 0.34), rng) < 0.38


def _wave(along: Places, period: float, rng: np.random.Generator) -> np.ndarray:
    return (along / period + rng.random()) % 1


_MASKS: dict[str, Callable[[Places, Places, np.random.Generator], np.ndarray]] = {
    "plain": _plain,
    "striped": _striped,
    "dotted": _dotted,
    "checked": _checked,
    "floral": _floral,
    "zigzag": _zigzag,
}
