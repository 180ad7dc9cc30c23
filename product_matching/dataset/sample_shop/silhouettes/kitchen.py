"""Things for the kitchen."""

from __future__ import annotations

from collections.abc import Callable

from product_matching.dataset.sample_shop.outlines import (
    Part,
    Tone,
    arc,
    box,
    ellipse,
    polygon,
    smooth,
    symmetric_smooth,
)


def _mug(shape: str) -> list[Part]:
    half, top, bottom = {
        "tall": (0.21, 0.05, 0.95),
        "wide": (0.34, 0.26, 0.82),
        "rounded": (0.29, 0.16, 0.88),
    }[shape]
    middle = 0.42
    left, right = middle - half, middle + half
    if shape == "rounded":
        body = smooth(
            (left, top),
            (right, top),
            (right + 0.02, top + 0.2),
            (right + 0.10, 0.62),
            (right - 0.04, bottom),
            (right - 0.12, bottom),
            (left + 0.12, bottom),
            (left + 0.04, bottom),
            (left - 0.10, 0.62),
            (left - 0.02, top + 0.2),
            rounds=2,
        )
        half -= 0.01
    else:
        body = polygon(
            (left, top),
            (right, top),
            (right - 0.02, bottom - 0.04),
            (right - 0.06, bottom),
            (left + 0.06, bottom),
            (left + 0.02, bottom - 0.04),
        )
    handle = Part(Tone.TRIM, arc(right - 0.01, (top + bottom) / 2, 0.17, (bottom - top) * 0.3, -95, 95, 0.07))
    rim = Part(Tone.SHADE, ellipse(middle, top + 0.01, half, 0.075 if shape != "tall" else 0.055))
    inside = Part(Tone.INSIDE, ellipse(middle, top + 0.015, half - 0.03, 0.052 if shape != "tall" else 0.038))
    return [handle, Part(Tone.BODY, body), rim, inside]


def _plate(shape: str) -> list[Part]:
    if shape == "square":
        rim, well, low = (
            box(0.06, 0.12, 0.94, 0.86, 0.08),
            box(0.24, 0.27, 0.76, 0.71, 0.06),
            box(0.06, 0.18, 0.94, 0.91, 0.08),
        )
        line_ = box(0.22, 0.255, 0.78, 0.725, 0.07)
    else:
        across, down = (0.44, 0.40) if shape == "round" else (0.48, 0.27)
        rim, low = ellipse(0.5, 0.48, across, down), ellipse(0.5, 0.53, across, down)
        line_, well = (
            ellipse(0.5, 0.48, across * 0.63, down * 0.63),
            ellipse(0.5, 0.49, across * 0.6, down * 0.59),
        )
    return [Part(Tone.SHADE, low), Part(Tone.BODY, rim), Part(Tone.EDGE, line_), Part(Tone.SHADE, well)]


def _teapot(shape: str) -> list[Part]:
    if shape == "tall":
        body = symmetric_smooth((0.57, 0.2), (0.63, 0.26), (0.62, 0.5), (0.77, 0.9), (0.72, 0.95), (0.6, 0.95))
        spout = polygon((0.65, 0.62), (0.88, 0.24), (0.97, 0.25), (0.90, 0.42), (0.70, 0.80))
        handle = Part(Tone.TRIM, arc(0.34, 0.52, 0.25, 0.27, 100, 260, 0.06))
        lid, knob = symmetric_smooth((0.54, 0.1), (0.64, 0.2), (0.62, 0.27)), ellipse(0.5, 0.09, 0.045, 0.05)
    else:
        top, wide = (0.28, 0.33) if shape == "rounded" else (0.44, 0.4)
        body = symmetric_smooth((0.6, top), (0.5 + wide, top + 0.1), (0.5 + wide, 0.74), (0.68, 0.92), (0.55, 0.92))
        spout = smooth(
            (0.72, 0.56),
            (0.88, 0.58),
            (0.88, 0.36),
            (0.99, 0.34),
            (0.99, 0.48),
            (0.92, 0.78),
            (0.70, 0.82),
            rounds=2,
        )
        handle = Part(Tone.TRIM, arc(0.22, (top + 0.9) / 2, 0.18, 0.2, 80, 280, 0.06))
        if shape == "squat":
            handle = Part(Tone.TRIM, arc(0.5, 0.46, 0.33, 0.36, 185, 355, 0.05))
        lid, knob = (
            symmetric_smooth((0.56, top - 0.07), (0.68, top), (0.68, top + 0.06)),
            ellipse(0.5, top - 0.06, 0.05, 0.05),
        )
    return [
        handle,
        Part(Tone.SHADE, spout),
        Part(Tone.BODY, body),
        Part(Tone.TRIM, knob),
        Part(Tone.SHADE, lid),
    ]


KITCHEN: dict[str, Callable[[str], list[Part]]] = {"mug": _mug, "plate": _plate, "teapot": _teapot}
