"""Furniture, a little from above."""

from __future__ import annotations

from collections.abc import Callable

from product_matching.dataset.sample_shop.outlines import (
    Part,
    Tone,
    both,
    box,
    ellipse,
    line,
    polygon,
    symmetric,
    symmetric_smooth,
)


def _legs(top: float, bottom: float, half: float, back: float = 0.0) -> list[Part]:
    """Four legs below a seat or a top: the front pair outside, the back pair shorter and inside."""
    front = both(Tone.TRIM, line((0.5 + half, top), (0.5 + half + 0.03, bottom), 0.055))
    rear = both(Tone.TRIM, line((0.5 + half * 0.72, top), (0.5 + half * 0.76, bottom - back), 0.045))
    return [*rear, *front]


def _chair(shape: str) -> list[Part]:
    if shape == "backless":
        ring = [Part(Tone.TRIM, line((0.24, 0.7), (0.76, 0.7), 0.04))]
        seat = [
            Part(Tone.SHADE, ellipse(0.5, 0.33, 0.33, 0.13)),
            Part(Tone.BODY, ellipse(0.5, 0.27, 0.33, 0.13)),
        ]
        return [*_legs(0.32, 0.97, 0.22, 0.08), *ring, *seat]
    seat_line = 0.55
    if shape == "high-back":
        back = [
            *both(Tone.TRIM, line((0.70, 0.05), (0.70, 0.6), 0.05)),
            Part(Tone.BODY, box(0.29, 0.03, 0.71, 0.42, 0.04)),
        ]
    else:
        back = [
            Part(Tone.TRIM, ellipse(0.5, 0.27, 0.30, 0.26)),
            Part(Tone.BODY, ellipse(0.5, 0.27, 0.26, 0.22)),
            *both(Tone.TRIM, line((0.60, 0.46), (0.62, 0.6), 0.05)),
        ]
    seat = [
        Part(Tone.BODY, symmetric((0.72, seat_line - 0.03), (0.82, seat_line + 0.11))),
        Part(Tone.SHADE, box(0.18, seat_line + 0.10, 0.82, seat_line + 0.16)),
    ]
    return [*_legs(seat_line + 0.1, 0.98, 0.27, 0.06), *back, *seat]


def _table(shape: str) -> list[Part]:
    if shape == "pedestal":
        foot = [
            Part(Tone.TRIM, ellipse(0.5, 0.88, 0.24, 0.07)),
            Part(Tone.TRIM, symmetric((0.53, 0.4), (0.55, 0.86))),
        ]
        return [
            *foot,
            Part(Tone.SHADE, ellipse(0.5, 0.37, 0.47, 0.19)),
            Part(Tone.BODY, ellipse(0.5, 0.32, 0.47, 0.19)),
        ]
    top = symmetric((0.80, 0.2), (0.99, 0.46))
    slab = [Part(Tone.SHADE, box(0.01, 0.46, 0.99, 0.53)), Part(Tone.BODY, top)]
    if shape == "trestle":
        cross = [line((0.12, 0.5), (0.40, 0.94), 0.05), line((0.40, 0.5), (0.12, 0.94), 0.05)]
        return [part for leg in cross for part in both(Tone.TRIM, leg)] + slab
    return [*_legs(0.48, 0.95, 0.41, 0.12), *slab]


def _sofa(shape: str) -> list[Part]:
    half = 0.36 if shape == "one-seat" else 0.48
    feet = both(Tone.DARK, box(0.5 + half - 0.12, 0.80, 0.5 + half - 0.05, 0.88))
    back = Part(
        Tone.SHADE,
        symmetric_smooth((0.5 + half * 0.8, 0.2), (0.5 + half * 0.92, 0.24), (0.5 + half * 0.9, 0.66)),
    )
    arm = symmetric_smooth((0.5 + half, 0.42), (0.5 + half, 0.84), (0.5 + half - 0.15, 0.84), (0.5 + half - 0.15, 0.42))
    arm = arm[arm[:, 0] > 0.5]
    base = Part(Tone.SHADE, box(0.5 - half + 0.06, 0.68, 0.5 + half - 0.06, 0.82, 0.02))
    inner = half - 0.13
    if shape == "one-seat":
        seats = [Part(Tone.BODY, box(0.5 - inner, 0.56, 0.5 + inner, 0.70, 0.04))]
        backs = [Part(Tone.BODY, box(0.5 - inner, 0.28, 0.5 + inner, 0.58, 0.05))]
    else:
        seats = both(Tone.BODY, box(0.5, 0.56, 0.5 + inner, 0.70, 0.03))
        backs = both(Tone.BODY, box(0.5, 0.30, 0.5 + inner, 0.58, 0.05))
    if shape == "chaise":
        low = polygon((0.02, 0.58), (0.34, 0.58), (0.34, 0.93), (0.0, 0.93))
        left = [Part(Tone.BODY, low), Part(Tone.SHADE, box(0.0, 0.85, 0.345, 0.93, 0.01))]
        return [*feet, back, base, *backs, *seats, *left, Part(Tone.BODY, arm)]
    return [*feet, back, base, *backs, *seats, *both(Tone.BODY, arm)]


FURNITURE: dict[str, Callable[[str], list[Part]]] = {"chair": _chair, "table": _table, "sofa": _sofa}
