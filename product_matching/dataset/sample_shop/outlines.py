"""Outlines on a unit square (x to the right, y down), from which silhouettes are put together."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

Point = tuple[float, float]


class Tone(IntEnum):
    """How a part is coloured: BODY and SHADE carry the product's colour and pattern, the rest does not."""

    NOTHING = 0
    BODY = 1
    SHADE = 2
    TRIM = 3
    DARK = 4
    PALE = 5
    METAL = 6
    INSIDE = 7
    EDGE = 8
    LENS = 9


class Part(NamedTuple):
    """One closed outline ([n, 2] points) with its tone. Later parts cover earlier ones."""

    tone: Tone
    outline: np.ndarray


def polygon(*points: Point) -> np.ndarray:
    """Straight lines through the points."""
    return np.array(points, dtype=np.float32)


def smooth(*points: Point, rounds: int = 3) -> np.ndarray:
    """A closed curve near the points: each round cuts the corners at a quarter (Chaikin)."""
    outline = np.array(points, dtype=np.float32)
    for _ in range(rounds):
        following = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * following, 0.25 * outline + 0.75 * following], 1)
        outline = outline.reshape(-1, 2)
    return outline


def box(left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> np.ndarray:
    """A rectangle with sides parallel to the square, its corners rounded by `radius`."""
    if radius <= 0:
        return polygon((left, top), (right, top), (right, bottom), (left, bottom))
    corners = [(right, top, -90), (right, bottom, 0), (left, bottom, 90), (left, top, 180)]
    rounded = [
        arc_points(
            x + (radius if x == left else -radius),
            y + (radius if y == top else -radius),
            radius,
            radius,
            start,
            start + 90,
            6,
        )
        for x, y, start in corners
    ]
    return np.concatenate(rounded)


def ellipse(x: float, y: float, across: float, down: float) -> np.ndarray:
    """An ellipse around (x, y) with the two radii."""
    return arc_points(x, y, across, down, 0, 360, 36)


def arc_points(x: float, y: float, across: float, down: float, start: float, end: float, count: int = 18) -> np.ndarray:
    """Points on an ellipse from one angle to another, in degrees: 0 is right, 90 is down, -90 up."""
    angles = np.radians(np.linspace(start, end, count, endpoint=end - start < 360))
    return np.stack([x + across * np.cos(angles), y + down * np.sin(angles)], axis=1).astype(np.float32)


def stroke(points: np.ndarray, width: float) -> np.ndarray:
    """A band of the given width along an open line of [n, 2] points."""
    along = np.gradient(points, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    across *= (width / 2) / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    return np.concatenate([points + across, (points - across)[::-1]])


def line(start: Point, end: Point, width: float) -> np.ndarray:
    """A straight band between two points."""
    return stroke(polygon(start, end), width)


def arc(x: float, y: float, across: float, down: float, start: float, end: float, width: float) -> np.ndarray:
    """A bent band: part of an ellipse's rim, for handles and straps."""
    return stroke(arc_points(x, y, across, down, start, end), width)


def flipped(outline: np.ndarray) -> np.ndarray:
    """The mirror image in the upright middle line of the square."""
    return np.stack([1.0 - outline[:, 0], outline[:, 1]], axis=1)


def both(tone: Tone, outline: np.ndarray) -> list[Part]:
    """A part and its mirror image."""
    return [Part(tone, outline), Part(tone, flipped(outline))]


def symmetric(*right_half: Point) -> np.ndarray:
    """A polygon given by its right half from top to bottom; the left half is the mirror image."""
    half = polygon(*right_half)
    return np.concatenate([half, flipped(half)[::-1]])


def symmetric_smooth(*right_half: Point) -> np.ndarray:
    """As `symmetric`, with the corners cut to curves."""
    return smooth(*map(tuple, symmetric(*right_half).tolist()))
