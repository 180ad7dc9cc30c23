"""Toy cars and teddy bears."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from product_matching.dataset.sample_shop.outlines import (
    Part,
    Tone,
    both,
    box,
    ellipse,
    line,
    polygon,
    smooth,
    symmetric_smooth,
)


def _wheel(x: float, radius: float) -> list[Part]:
    return [
        Part(Tone.DARK, ellipse(x, 0.78, radius, radius)),
        Part(Tone.METAL, ellipse(x, 0.78, radius * 0.5, radius * 0.5)),
    ]


def _car(body: np.ndarray, *panes: np.ndarray, front_wheel: float) -> list[Part]:
    """A closed car: body, windows, bumper, lamp and two wheels."""
    return [
        Part(Tone.BODY, body),
        *(Part(Tone.LENS, pane) for pane in panes),
        Part(Tone.TRIM, box(0.02, 0.72, 0.985, 0.79, 0.02)),
        Part(Tone.PALE, ellipse(0.95, 0.62, 0.03, 0.04)),
        *_wheel(0.24, 0.13),
        *_wheel(front_wheel, 0.13),
    ]


def _van() -> list[Part]:
    body = smooth(
        (0.03, 0.22), (0.03, 0.2), (0.74, 0.2), (0.84, 0.26), (0.92, 0.5), (0.99, 0.54), (0.99, 0.78),
        (0.03, 0.78),
        rounds=2,
    )  # fmt: skip
    windscreen = polygon((0.74, 0.28), (0.81, 0.28), (0.88, 0.48), (0.74, 0.48))
    return _car(body, windscreen, box(0.54, 0.28, 0.70, 0.48), front_wheel=0.78)


def _saloon() -> list[Part]:
    body = smooth(
        (0.02, 0.54), (0.16, 0.5), (0.28, 0.27), (0.64, 0.27), (0.78, 0.5), (0.98, 0.55), (0.99, 0.78),
        (0.02, 0.78),
        rounds=2,
    )  # fmt: skip
    rear = polygon((0.23, 0.49), (0.32, 0.33), (0.45, 0.33), (0.45, 0.49))
    front = polygon((0.49, 0.33), (0.60, 0.33), (0.69, 0.49), (0.49, 0.49))
    return _car(body, rear, front, front_wheel=0.76)


def _racer() -> list[Part]:
    wing = [
        Part(Tone.TRIM, line((0.10, 0.38), (0.14, 0.62), 0.04)),
        Part(Tone.TRIM, box(0.0, 0.32, 0.24, 0.40, 0.02)),
    ]
    body = smooth(
        (0.02, 0.58), (0.3, 0.52), (0.5, 0.50), (0.75, 0.58), (1.0, 0.68), (1.0, 0.80), (0.02, 0.80), rounds=2
    )  # fmt: skip
    driver = [
        Part(Tone.PALE, ellipse(0.45, 0.45, 0.075, 0.085)),
        Part(Tone.LENS, polygon((0.47, 0.40), (0.54, 0.42), (0.53, 0.47), (0.47, 0.47))),
    ]
    return [*wing, *driver, Part(Tone.BODY, body), *_wheel(0.2, 0.16), *_wheel(0.8, 0.14)]


def _toy_car(shape: str) -> list[Part]:
    return {"van": _van, "saloon": _saloon, "racing": _racer}[shape]()


def _head(y: float) -> list[Part]:
    ears = [
        *both(Tone.BODY, ellipse(0.68, y - 0.15, 0.09, 0.09)),
        *both(Tone.TRIM, ellipse(0.68, y - 0.15, 0.05, 0.05)),
    ]
    eyes = both(Tone.DARK, ellipse(0.58, y - 0.04, 0.022, 0.026))
    nose = [
        Part(Tone.TRIM, ellipse(0.5, y + 0.07, 0.10, 0.075)),
        Part(Tone.DARK, ellipse(0.5, y + 0.035, 0.04, 0.028)),
    ]
    return [*ears, Part(Tone.BODY, ellipse(0.5, y, 0.225, 0.195)), *nose, *eyes]


def _bow() -> list[Part]:
    return [
        *both(Tone.DARK, polygon((0.5, 0.45), (0.62, 0.40), (0.62, 0.50))),
        Part(Tone.DARK, ellipse(0.5, 0.45, 0.025, 0.025)),
    ]


def _teddy_bear(shape: str) -> list[Part]:
    if shape == "standing":
        legs = both(Tone.BODY, smooth((0.52, 0.70), (0.72, 0.70), (0.76, 0.97), (0.53, 0.97), rounds=2))
        arms = both(
            Tone.SHADE,
            smooth((0.62, 0.46), (0.70, 0.42), (0.94, 0.56), (0.92, 0.66), (0.84, 0.66), (0.62, 0.58)),
        )
        feet = both(Tone.TRIM, ellipse(0.65, 0.95, 0.11, 0.05))
        belly = ellipse(0.5, 0.62, 0.20, 0.21)
        return [*arms, *legs, *feet, Part(Tone.BODY, belly), *_head(0.24), *_bow()]
    arms = both(Tone.SHADE, smooth((0.62, 0.48), (0.72, 0.46), (0.88, 0.66), (0.80, 0.76), (0.70, 0.70)))
    torso = symmetric_smooth((0.58, 0.42), (0.74, 0.56), (0.76, 0.92), (0.6, 0.95))
    legs = both(Tone.SHADE, ellipse(0.76, 0.86, 0.20, 0.11))
    soles = [
        *both(Tone.BODY, ellipse(0.86, 0.86, 0.10, 0.115)),
        *both(Tone.TRIM, ellipse(0.865, 0.87, 0.06, 0.07)),
    ]
    return [*arms, Part(Tone.BODY, torso), *legs, *soles, *_head(0.24), *_bow()]


TOYS: dict[str, Callable[[str], list[Part]]] = {"toy-car": _toy_car, "teddy-bear": _teddy_bear}
