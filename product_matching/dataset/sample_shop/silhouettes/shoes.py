"""Shoes from the side, toe to the right."""

from __future__ import annotations

from collections.abc import Callable

from product_matching.dataset.sample_shop.outlines import Part, Tone, arc, box, ellipse, line, polygon, smooth


def _sneaker(shape: str) -> list[Part]:
    collar = {"low-top": 0.36, "high-top": 0.14, "slip-on": 0.44}[shape]
    tongue = collar - (0.07 if shape != "slip-on" else 0.0)
    upper = smooth(
        (0.07, 0.76),
        (0.06, collar),
        (0.14, collar),
        (0.26, collar + 0.05),
        (0.38, tongue),
        (0.46, tongue),
        (0.56, 0.5),
        (0.78, 0.56),
        (0.97, 0.62),
        (0.96, 0.76),
    )
    sole = smooth((0.03, 0.70), (0.5, 0.72), (0.99, 0.68), (0.99, 0.84), (0.5, 0.84), (0.03, 0.84), rounds=2)
    cap = smooth((0.80, 0.58), (0.97, 0.60), (0.97, 0.76), (0.76, 0.76))
    parts = [Part(Tone.BODY, upper), Part(Tone.TRIM, cap), Part(Tone.PALE, sole)]
    parts.append(Part(Tone.EDGE, box(0.05, 0.79, 0.97, 0.805)))
    if shape == "slip-on":
        gore = polygon((0.36, 0.50), (0.46, 0.49), (0.50, 0.62), (0.42, 0.64))
        return [*parts, Part(Tone.INSIDE, ellipse(0.25, 0.485, 0.16, 0.035)), Part(Tone.DARK, gore)]
    laces = 3 if shape == "low-top" else 5
    top = tongue + 0.09
    for number in range(laces):
        x, y = 0.45 + 0.16 * number / laces, top + (0.56 - top) * number / laces
        parts.append(Part(Tone.PALE, line((x - 0.07, y + 0.05), (x + 0.05, y - 0.03), 0.035)))
    ankle = Part(Tone.TRIM, smooth((0.06, collar), (0.18, collar + 0.01), (0.17, collar + 0.16), (0.06, collar + 0.2)))
    return [*parts, ankle]


def _boot(shape: str) -> list[Part]:
    top = {"ankle": 0.30, "knee-high": 0.02, "heeled": 0.2}[shape]
    lift = 0.14 if shape == "heeled" else 0.0
    heel = 0.84 - lift
    upper = smooth(
        (0.20, heel),
        (0.20, 0.5),
        (0.17, top),
        (0.20, top),
        (0.50, top),
        (0.53, top),
        (0.52, 0.52),
        (0.60, 0.60),
        (0.92, 0.68),
        (0.95, 0.84),
        (0.60, 0.84),
        (0.4, heel),
    )
    if shape == "heeled":
        block = polygon((0.20, 0.66), (0.36, 0.70), (0.31, 0.92), (0.22, 0.92))
        sole = smooth((0.40, 0.78), (0.6, 0.84), (0.95, 0.82), (0.95, 0.89), (0.58, 0.89), rounds=2)
        base = [Part(Tone.DARK, block), Part(Tone.DARK, sole)]
    else:
        base = [
            Part(Tone.DARK, box(0.17, 0.80, 0.95, 0.88, 0.03)),
            Part(Tone.DARK, box(0.17, 0.84, 0.40, 0.93, 0.01)),
        ]
    cuff = Part(Tone.TRIM, box(0.18, top, 0.52, top + 0.07, 0.02))
    zip_line = Part(Tone.EDGE, line((0.35, top + 0.08), (0.36, 0.66), 0.014))
    return [Part(Tone.BODY, upper), zip_line, cuff, *base]


def _sandal(shape: str) -> list[Part]:
    if shape == "slide":
        band = smooth((0.36, 0.74), (0.44, 0.36), (0.62, 0.34), (0.80, 0.50), (0.84, 0.74), rounds=2)
        toes = Part(Tone.INSIDE, polygon((0.68, 0.74), (0.74, 0.54), (0.80, 0.56), (0.83, 0.74)))
        footbed = smooth((0.02, 0.66), (0.3, 0.70), (0.9, 0.70), (1.0, 0.66), (0.98, 0.78), (0.04, 0.78), rounds=2)
        sole = [Part(Tone.TRIM, footbed), Part(Tone.DARK, box(0.05, 0.765, 0.96, 0.85, 0.03))]
        return [sole[1], Part(Tone.BODY, band), toes, sole[0]]
    if shape == "wedge":
        return _wedge()
    ankle = Part(Tone.BODY, arc(0.22, 0.34, 0.17, 0.08, 0, 360, 0.085))
    heel = Part(Tone.SHADE, polygon((0.05, 0.32), (0.15, 0.36), (0.16, 0.76), (0.06, 0.76)))
    bands = [
        Part(Tone.BODY, line((0.37, 0.74), (0.58, 0.46), 0.12)),
        Part(Tone.BODY, line((0.56, 0.46), (0.74, 0.75), 0.12)),
        Part(Tone.BODY, smooth((0.70, 0.76), (0.74, 0.58), (0.86, 0.58), (0.94, 0.76), rounds=2)),
    ]
    link = Part(Tone.SHADE, line((0.38, 0.37), (0.57, 0.48), 0.07))
    return [heel, link, ankle, *bands, Part(Tone.TRIM, box(0.04, 0.74, 0.97, 0.84, 0.04))]


def _wedge() -> list[Part]:
    sole = polygon((0.06, 0.50), (0.40, 0.60), (0.7, 0.76), (0.97, 0.78), (0.97, 0.86), (0.10, 0.92))
    back = Part(Tone.SHADE, polygon((0.07, 0.26), (0.15, 0.24), (0.20, 0.55), (0.07, 0.52)))
    ankle = Part(Tone.TRIM, line((0.07, 0.28), (0.42, 0.32), 0.075))
    side = Part(Tone.TRIM, line((0.40, 0.29), (0.36, 0.60), 0.06))
    band = smooth((0.50, 0.70), (0.58, 0.44), (0.74, 0.46), (0.88, 0.60), (0.92, 0.80), (0.7, 0.78), rounds=2)
    toes = Part(Tone.INSIDE, polygon((0.84, 0.78), (0.86, 0.66), (0.91, 0.70), (0.92, 0.78)))
    buckle = Part(Tone.METAL, ellipse(0.24, 0.30, 0.035, 0.04))
    return [back, side, ankle, buckle, Part(Tone.BODY, band), toes, Part(Tone.BODY, sole)]


SHOES: dict[str, Callable[[str], list[Part]]] = {"sneaker": _sneaker, "boot": _boot, "sandal": _sandal}
