"""Clothes, laid flat."""

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
    symmetric,
    symmetric_smooth,
)


def _neck(shape: str) -> list[Part]:
    """The collar of a t-shirt or a sweater whose shoulders meet at y = 0.16."""
    if shape == "v-neck":
        opening = symmetric((0.62, 0.13), (0.5, 0.40))
        return [Part(Tone.TRIM, symmetric((0.65, 0.13), (0.5, 0.46))), Part(Tone.INSIDE, opening)]
    if shape == "polo":
        leaf = polygon((0.5, 0.15), (0.63, 0.11), (0.70, 0.24), (0.57, 0.30))
        placket = Part(Tone.SHADE, box(0.47, 0.2, 0.53, 0.44))
        buttons = [Part(Tone.PALE, ellipse(0.5, y, 0.014, 0.014)) for y in (0.3, 0.38)]
        return [placket, *buttons, *both(Tone.TRIM, leaf)]
    if shape == "turtleneck":
        return [
            Part(Tone.TRIM, box(0.37, 0.02, 0.63, 0.2, 0.03)),
            Part(Tone.EDGE, box(0.38, 0.1, 0.62, 0.11)),
        ]
    return [
        Part(Tone.TRIM, ellipse(0.5, 0.16, 0.15, 0.095)),
        Part(Tone.INSIDE, ellipse(0.5, 0.145, 0.115, 0.065)),
    ]


def _t_shirt(shape: str) -> list[Part]:
    sleeve = polygon((0.66, 0.14), (0.78, 0.19), (0.97, 0.42), (0.82, 0.52), (0.70, 0.38))
    torso = symmetric((0.62, 0.13), (0.77, 0.18), (0.73, 0.42), (0.74, 0.92))
    return [*both(Tone.SHADE, sleeve), Part(Tone.BODY, torso), *_neck(shape)]


def _sweater(shape: str) -> list[Part]:
    sleeve = polygon((0.66, 0.15), (0.78, 0.2), (0.88, 0.45), (0.96, 0.82), (0.82, 0.86), (0.72, 0.48))
    cuff = polygon((0.95, 0.78), (0.965, 0.87), (0.825, 0.91), (0.81, 0.82))
    torso = symmetric_smooth((0.64, 0.12), (0.80, 0.17), (0.76, 0.5), (0.77, 0.9), (0.72, 0.93))
    parts = [*both(Tone.SHADE, sleeve), *both(Tone.TRIM, cuff), Part(Tone.BODY, torso)]
    parts.append(Part(Tone.TRIM, box(0.26, 0.86, 0.74, 0.95, 0.02)))
    if shape != "hooded":
        return [*parts, *_neck(shape)]
    hood = symmetric_smooth((0.6, -0.02), (0.74, 0.12), (0.66, 0.3), (0.52, 0.34))
    face = symmetric_smooth((0.57, 0.05), (0.62, 0.14), (0.56, 0.26), (0.51, 0.28))
    pocket = symmetric((0.6, 0.6), (0.67, 0.78))
    strings = both(Tone.PALE, line((0.55, 0.28), (0.56, 0.46), 0.022))
    return [*parts, Part(Tone.SHADE, hood), Part(Tone.INSIDE, face), Part(Tone.SHADE, pocket), *strings]


def _dress(shape: str) -> list[Part]:
    if shape == "pencil":
        body = symmetric((0.6, 0.08), (0.68, 0.1), (0.63, 0.42), (0.70, 0.58), (0.66, 0.9))
        sleeve = polygon((0.66, 0.09), (0.74, 0.13), (0.82, 0.32), (0.72, 0.35), (0.65, 0.26))
        return [
            *both(Tone.SHADE, sleeve),
            Part(Tone.BODY, body),
            Part(Tone.INSIDE, ellipse(0.5, 0.08, 0.10, 0.05)),
            Part(Tone.TRIM, box(0.37, 0.39, 0.63, 0.44)),
        ]
    straps = both(Tone.TRIM, line((0.60, 0.02), (0.62, 0.16), 0.035))
    bust = symmetric((0.55, 0.17), (0.64, 0.13), (0.66, 0.26), (0.59, 0.40))
    if shape == "maxi":
        skirt = symmetric((0.59, 0.36), (0.66, 0.6), (0.72, 0.99))
        folds = both(Tone.EDGE, line((0.55, 0.5), (0.60, 0.97), 0.01))
    else:
        skirt = symmetric((0.59, 0.38), (0.76, 0.58), (0.93, 0.80), (0.74, 0.86), (0.5, 0.88))
        folds = both(Tone.EDGE, line((0.56, 0.5), (0.70, 0.85), 0.01))
    belt = Part(Tone.TRIM, box(0.405, 0.36, 0.595, 0.41))
    return [*straps, Part(Tone.BODY, bust), Part(Tone.BODY, skirt), *folds, belt]


_TROUSER_LEGS = {
    "straight-leg": ((0.72, 0.06), (0.77, 0.4), (0.76, 0.97), (0.56, 0.97), (0.5, 0.36)),
    "flared": ((0.68, 0.06), (0.72, 0.3), (0.68, 0.6), (0.88, 0.97), (0.55, 0.97), (0.54, 0.6), (0.5, 0.34)),
    "cropped": ((0.74, 0.16), (0.86, 0.72), (0.56, 0.76), (0.5, 0.46)),
}


def _trousers(shape: str) -> list[Part]:
    leg = polygon((0.5, 0.06 if shape != "cropped" else 0.16), *_TROUSER_LEGS[shape])
    top = 0.16 if shape == "cropped" else 0.06
    waist = symmetric(
        (0.735 if shape != "flared" else 0.69, top - 0.02), (0.75 if shape != "flared" else 0.7, top + 0.06)
    )
    fly = Part(Tone.EDGE, line((0.5, top + 0.06), (0.5, top + 0.26), 0.014))
    pocket = both(Tone.EDGE, arc(0.76, top + 0.05, 0.12, 0.12, 90, 180, 0.014))
    return [*both(Tone.BODY, leg), Part(Tone.TRIM, waist), fly, *pocket]


CLOTHES: dict[str, Callable[[str], list[Part]]] = {
    "t-shirt": _t_shirt,
    "sweater": _sweater,
    "dress": _dress,
    "trousers": _trousers,
}
