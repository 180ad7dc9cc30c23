"""Lamps, cushions and vases."""

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
    polygon,
    smooth,
    symmetric,
    symmetric_smooth,
)


def _lamp(shape: str) -> list[Part]:
    base = Part(Tone.TRIM, symmetric_smooth((0.6, 0.86), (0.72, 0.92), (0.72, 0.97)))
    if shape == "globe":
        stem = Part(Tone.TRIM, box(0.46, 0.6, 0.54, 0.92))
        return [
            base,
            stem,
            Part(Tone.TRIM, box(0.38, 0.60, 0.62, 0.68, 0.02)),
            Part(Tone.BODY, ellipse(0.5, 0.35, 0.31, 0.31)),
        ]
    stem = Part(Tone.TRIM, symmetric_smooth((0.53, 0.44), (0.53, 0.6), (0.60, 0.72), (0.54, 0.92)))
    if shape == "dome":
        shade = smooth((0.1, 0.52), (0.14, 0.05), (0.5, 0.0), (0.86, 0.05), (0.9, 0.52), (0.9, 0.52), (0.1, 0.52))
        return [base, stem, Part(Tone.BODY, shade), Part(Tone.TRIM, box(0.15, 0.47, 0.85, 0.51))]
    cone = symmetric((0.62, 0.04), (0.86, 0.52))
    cord = [
        Part(Tone.EDGE, line((0.68, 0.52), (0.68, 0.66), 0.012)),
        Part(Tone.METAL, ellipse(0.68, 0.68, 0.022, 0.022)),
    ]
    return [base, stem, *cord, Part(Tone.BODY, cone)]


def _bolster() -> list[Part]:
    ends = both(Tone.TRIM, polygon((0.84, 0.44), (0.99, 0.34), (0.99, 0.66), (0.84, 0.56)))
    body = smooth(
        (0.14, 0.32), (0.5, 0.29), (0.86, 0.32), (0.93, 0.5), (0.86, 0.68), (0.5, 0.71), (0.14, 0.68),
        (0.07, 0.5),
        rounds=2,
    )  # fmt: skip
    return [*ends, Part(Tone.BODY, body), *both(Tone.TRIM, arc(0.80, 0.5, 0.05, 0.18, -90, 90, 0.025))]


def _round_cushion() -> list[Part]:
    rays = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7))
    folds = [line((0.5 + 0.07 * x, 0.48 + 0.07 * y), (0.5 + 0.2 * x, 0.48 + 0.2 * y), 0.012) for x, y in rays]
    return [
        Part(Tone.TRIM, ellipse(0.5, 0.5, 0.45, 0.42)),
        Part(Tone.BODY, ellipse(0.5, 0.49, 0.42, 0.39)),
        *(Part(Tone.EDGE, fold) for fold in folds),
        Part(Tone.EDGE, ellipse(0.5, 0.49, 0.055, 0.05)),
        Part(Tone.TRIM, ellipse(0.5, 0.48, 0.045, 0.04)),
    ]


def _square_cushion() -> list[Part]:
    # Corners stick out and sides are drawn in, as on a stuffed pillow.
    pillow = smooth(
        (0.04, 0.04), (0.2, 0.12), (0.5, 0.13), (0.8, 0.12), (0.96, 0.04), (0.88, 0.2), (0.87, 0.5),
        (0.88, 0.8),
        (0.96, 0.96), (0.8, 0.88), (0.5, 0.87), (0.2, 0.88), (0.04, 0.96), (0.12, 0.8), (0.13, 0.5),
        (0.12, 0.2),
        rounds=2,
    )  # fmt: skip
    tassels = [
        *both(Tone.TRIM, ellipse(0.94, 0.06, 0.05, 0.05)),
        *both(Tone.TRIM, ellipse(0.94, 0.94, 0.05, 0.05)),
    ]
    return [*tassels, Part(Tone.TRIM, pillow), Part(Tone.BODY, 0.5 + (pillow - 0.5) * 0.94)]


def _cushion(shape: str) -> list[Part]:
    return {"square": _square_cushion, "round": _round_cushion, "bolster": _bolster}[shape]()


def _vase(shape: str) -> list[Part]:
    if shape == "slim":
        body = symmetric_smooth((0.58, 0.03), (0.63, 0.08), (0.56, 0.3), (0.68, 0.6), (0.62, 0.97), (0.55, 0.97))
        mouth = 0.095
    elif shape == "bulbous":
        body = symmetric_smooth(
            (0.60, 0.1), (0.64, 0.16), (0.57, 0.3), (0.90, 0.48), (0.84, 0.9), (0.62, 0.96), (0.55, 0.96)
        )
        mouth = 0.12
    else:
        body = symmetric_smooth(
            (0.64, 0.04), (0.68, 0.1), (0.60, 0.24), (0.80, 0.42), (0.68, 0.8), (0.66, 0.96), (0.56, 0.96)
        )
        mouth = 0.15
    top = 0.11 if shape == "bulbous" else 0.055
    handles = both(Tone.TRIM, arc(0.66, 0.30, 0.18, 0.17, -110, 80, 0.045)) if shape == "handled" else []
    lip = [
        Part(Tone.SHADE, ellipse(0.5, top + 0.02, mouth, 0.04)),
        Part(Tone.INSIDE, ellipse(0.5, top + 0.02, mouth - 0.025, 0.026)),
    ]
    return [*handles, Part(Tone.BODY, body), *lip]


HOME: dict[str, Callable[[str], list[Part]]] = {"lamp": _lamp, "cushion": _cushion, "vase": _vase}
