"""Umbrellas, hats, sunglasses and watches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from product_matching.dataset.sample_shop.outlines import (
    Part,
    Tone,
    arc,
    arc_points,
    both,
    box,
    ellipse,
    line,
    polygon,
    smooth,
    symmetric,
    symmetric_smooth,
)


def _umbrella(shape: str) -> list[Part]:
    if shape == "folded":
        cloth = symmetric((0.535, 0.1), (0.62, 0.2), (0.56, 0.74), (0.53, 0.8))
        hook = Part(Tone.TRIM, arc(0.60, 0.90, 0.08, 0.08, 0, 180, 0.05))
        stick = [
            Part(Tone.METAL, box(0.485, 0.0, 0.515, 0.12)),
            Part(Tone.TRIM, box(0.495, 0.78, 0.545, 0.91)),
        ]
        folds = [
            Part(Tone.EDGE, line((0.55, 0.16), (0.53, 0.76), 0.012)),
            Part(Tone.SHADE, polygon((0.38, 0.2), (0.465, 0.1), (0.49, 0.8), (0.44, 0.74))),
        ]
        strap = Part(Tone.TRIM, box(0.41, 0.48, 0.59, 0.54))
        return [hook, *stick, Part(Tone.BODY, cloth), *folds, strap]
    across, down = (0.46, 0.46) if shape == "dome" else (0.49, 0.28)
    base = 0.54
    canopy = arc_points(0.5, base, across, down, 180, 360, 30)
    # Five bays hang between the ribs: their lower edge is scalloped.
    bays = [arc_points(0.5 + across * (0.8 - 0.4 * bay), base, across * 0.2, 0.045, 0, -180, 8) for bay in range(5)]
    cloth = np.concatenate([canopy, *bays])
    ribs = [Part(Tone.EDGE, arc(0.5, base, across * share, down, 270, 360, 0.012)) for share in (0.2, 0.6)]
    ribs += [Part(Tone.EDGE, arc(0.5, base, across * share, down, 180, 270, 0.012)) for share in (0.2, 0.6)]
    stick = Part(Tone.METAL, box(0.485, base - down - 0.06, 0.515, 0.9))
    hook = Part(Tone.TRIM, arc(0.43, 0.88, 0.07, 0.08, 0, 180, 0.045))
    return [stick, hook, Part(Tone.BODY, cloth), *ribs]


def _hat(shape: str) -> list[Part]:
    if shape == "peaked":
        crown = smooth(
            (0.08, 0.62),
            (0.08, 0.36),
            (0.24, 0.2),
            (0.44, 0.18),
            (0.62, 0.3),
            (0.66, 0.62),
            (0.66, 0.62),
            (0.08, 0.62),
            rounds=2,
        )
        peak = smooth((0.56, 0.56), (0.70, 0.52), (0.98, 0.62), (0.98, 0.70), (0.74, 0.68), (0.4, 0.68), rounds=2)
        seams = [
            Part(Tone.EDGE, arc(0.36, 0.62, 0.10, 0.40, 180, 270, 0.012)),
            Part(Tone.TRIM, ellipse(0.37, 0.2, 0.035, 0.025)),
        ]
        return [Part(Tone.BODY, crown), *seams, Part(Tone.TRIM, peak)]
    if shape == "bucket":
        crown = symmetric_smooth((0.62, 0.2), (0.70, 0.24), (0.74, 0.58), (0.70, 0.6))
        brim = symmetric_smooth((0.70, 0.52), (0.92, 0.76), (0.90, 0.82), (0.60, 0.76))
        seam = Part(Tone.EDGE, arc(0.5, 0.56, 0.32, 0.17, 15, 165, 0.012))
        return [
            Part(Tone.BODY, crown),
            Part(Tone.SHADE, brim),
            seam,
            Part(Tone.TRIM, symmetric((0.74, 0.50), (0.75, 0.56))),
        ]
    crown = symmetric_smooth((0.6, 0.24), (0.70, 0.28), (0.72, 0.58), (0.70, 0.62))
    brim = ellipse(0.5, 0.62, 0.49, 0.155)
    band = smooth((0.28, 0.48), (0.5, 0.53), (0.72, 0.48), (0.73, 0.60), (0.5, 0.66), (0.27, 0.60), rounds=2)
    return [Part(Tone.SHADE, brim), Part(Tone.BODY, crown), Part(Tone.TRIM, band)]


def _sunglasses(shape: str) -> list[Part]:
    temple = both(Tone.SHADE, polygon((0.93, 0.40), (0.99, 0.42), (0.93, 0.20), (0.86, 0.16), (0.88, 0.22)))
    bridge = Part(Tone.BODY, arc(0.5, 0.50, 0.09, 0.09, 180, 360, 0.06))
    if shape == "round":
        frame, lens = ellipse(0.74, 0.55, 0.235, 0.235), ellipse(0.74, 0.55, 0.155, 0.155)
    elif shape == "square":
        frame, lens = box(0.53, 0.36, 0.98, 0.74, 0.06), box(0.60, 0.43, 0.91, 0.67, 0.03)
    else:
        frame = smooth((0.54, 0.44), (0.78, 0.40), (1.04, 0.26), (0.96, 0.62), (0.80, 0.76), (0.60, 0.72), rounds=2)
        lens = smooth((0.60, 0.50), (0.78, 0.47), (0.92, 0.42), (0.88, 0.60), (0.78, 0.68), (0.65, 0.65), rounds=2)
    glint = line((0.66, 0.60), (0.76, 0.50), 0.025)
    return [
        *temple,
        bridge,
        *both(Tone.BODY, frame),
        *both(Tone.LENS, lens),
        Part(Tone.PALE, glint),
        Part(Tone.PALE, glint - [0.48, 0]),
    ]


def _watch(shape: str) -> list[Part]:
    strap = symmetric((0.61, 0.0), (0.64, 0.3), (0.64, 0.7), (0.61, 1.0))
    holes = [Part(Tone.EDGE, ellipse(0.5, y, 0.016, 0.016)) for y in (0.84, 0.89, 0.94)]
    buckle = Part(Tone.METAL, box(0.37, 0.0, 0.63, 0.05, 0.01))
    crown = Part(Tone.METAL, box(0.74, 0.46, 0.82, 0.54, 0.01))
    if shape == "round-dial":
        case, dial = ellipse(0.5, 0.5, 0.27, 0.27), ellipse(0.5, 0.5, 0.205, 0.205)
    else:
        case, dial = box(0.25, 0.26, 0.75, 0.74, 0.05), box(0.31, 0.32, 0.69, 0.68, 0.03)
    marks = [
        Part(Tone.DARK, ellipse(0.5 + 0.16 * x, 0.5 + 0.16 * y, 0.014, 0.014))
        for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1))
    ]
    hands = [
        Part(Tone.DARK, line((0.5, 0.5), (0.5, 0.36), 0.025)),
        Part(Tone.DARK, line((0.5, 0.5), (0.60, 0.55), 0.025)),
    ]
    return [
        Part(Tone.BODY, strap),
        *holes,
        buckle,
        crown,
        Part(Tone.METAL, case),
        Part(Tone.PALE, dial),
        *marks,
        *hands,
    ]


ACCESSORIES: dict[str, Callable[[str], list[Part]]] = {
    "umbrella": _umbrella,
    "hat": _hat,
    "sunglasses": _sunglasses,
    "watch": _watch,
}
