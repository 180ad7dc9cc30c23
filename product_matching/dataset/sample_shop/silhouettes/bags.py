"""Bags from the front."""

from __future__ import annotations

from collections.abc import Callable

from product_matching.dataset.sample_shop.outlines import (
    Part,
    Tone,
    arc,
    both,
    box,
    ellipse,
    line,
    smooth,
    symmetric,
    symmetric_smooth,
)


def _backpack(shape: str) -> list[Part]:
    straps = both(Tone.TRIM, arc(0.72, 0.55, 0.19, 0.33, -75, 85, 0.06))
    loop = Part(Tone.TRIM, arc(0.5, 0.13, 0.10, 0.09, 180, 360, 0.045))
    if shape == "rounded":
        body = symmetric_smooth((0.62, 0.03), (0.80, 0.16), (0.80, 0.95), (0.6, 0.95))
    elif shape == "roll-top":
        body = symmetric((0.68, 0.16), (0.78, 0.34), (0.78, 0.92), (0.72, 0.95))
    else:
        body = box(0.2, 0.12, 0.8, 0.95, 0.07)
    pocket = [
        Part(Tone.SHADE, box(0.28, 0.58, 0.72, 0.88, 0.06)),
        Part(Tone.METAL, box(0.32, 0.63, 0.68, 0.65)),
    ]
    parts = [*straps, loop, Part(Tone.BODY, body), *pocket]
    if shape == "roll-top":
        rolls = [
            Part(Tone.SHADE, box(0.25, 0.06, 0.75, 0.14, 0.035)),
            Part(Tone.BODY, box(0.26, 0.13, 0.74, 0.21, 0.035)),
        ]
        buckle = [Part(Tone.TRIM, box(0.46, 0.06, 0.54, 0.5)), Part(Tone.METAL, box(0.44, 0.40, 0.56, 0.48))]
        return [*parts, *rolls, *buckle]
    return [*parts, Part(Tone.METAL, arc(0.5, 0.50, 0.24, 0.28, 190, 350, 0.018))]


def _crescent_bag() -> list[Part]:
    body = smooth(
        (0.02, 0.46), (0.10, 0.44), (0.3, 0.62), (0.7, 0.62), (0.90, 0.44), (0.98, 0.46), (0.95, 0.72),
        (0.72, 0.94),
        (0.28, 0.94), (0.05, 0.72),
    )  # fmt: skip
    return [
        Part(Tone.TRIM, arc(0.5, 0.50, 0.42, 0.42, 180, 360, 0.055)),
        Part(Tone.BODY, body),
        *both(Tone.METAL, ellipse(0.915, 0.50, 0.035, 0.035)),
        Part(Tone.METAL, arc(0.5, 0.42, 0.36, 0.24, 35, 145, 0.016)),
    ]


def _tote() -> list[Part]:
    return [
        Part(Tone.TRIM, arc(0.5, 0.40, 0.17, 0.33, 180, 360, 0.035)),
        Part(Tone.BODY, symmetric((0.84, 0.38), (0.92, 0.95))),
        Part(Tone.SHADE, symmetric((0.84, 0.38), (0.85, 0.44))),
        Part(Tone.TRIM, arc(0.5, 0.46, 0.22, 0.36, 180, 360, 0.045)),
        *both(Tone.METAL, ellipse(0.72, 0.48, 0.025, 0.025)),
    ]


def _boxy_bag() -> list[Part]:
    flap = smooth((0.08, 0.32), (0.92, 0.32), (0.94, 0.5), (0.62, 0.70), (0.38, 0.70), (0.06, 0.5), rounds=2)
    return [
        Part(Tone.TRIM, arc(0.5, 0.36, 0.18, 0.2, 180, 360, 0.05)),
        Part(Tone.BODY, box(0.08, 0.34, 0.92, 0.92, 0.05)),
        Part(Tone.SHADE, flap),
        *both(Tone.TRIM, box(0.64, 0.33, 0.72, 0.42)),
        Part(Tone.METAL, box(0.45, 0.60, 0.55, 0.70, 0.02)),
        Part(Tone.EDGE, line((0.47, 0.65), (0.53, 0.65), 0.02)),
    ]


def _handbag(shape: str) -> list[Part]:
    return {"crescent": _crescent_bag, "tote": _tote, "boxy": _boxy_bag}[shape]()


BAGS: dict[str, Callable[[str], list[Part]]] = {"backpack": _backpack, "handbag": _handbag}
