"""What a product is, before anybody photographs or describes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from product_matching.dataset.sample_shop.kinds import BRANDS, KINDS

# Exponents of the Zipf law by which the first values of a kind win over the rest.
_COLOUR_SKEW, _PATTERN_SKEW, _SHAPE_SKEW, _MATERIAL_SKEW = 1.3, 1.2, 0.6, 0.7

# Colours that a person could not tell from each other as ground and figure of one pattern.
_CLOSE = (
    {"black", "brown"}, {"black", "purple"}, {"black", "blue"}, {"red", "orange"}, {"red", "brown"},
    {"red", "pink"}, {"white", "yellow"}, {"white", "pink"}, {"orange", "yellow"}, {"orange", "pink"},
    {"grey", "green"}, {"blue", "purple"}, {"green", "blue"}, {"brown", "purple"}, {"brown", "green"},
    {"grey", "purple"}, {"orange", "brown"}, {"red", "purple"}, {"grey", "blue"},
)  # fmt: skip


@dataclass(frozen=True)
class ProductSpec:
    """The attributes of one product, as slugs; `second_colour` and `brand` may be empty."""

    kind: str
    colour: str
    second_colour: str
    pattern: str
    material: str
    shape: str
    brand: str
    price: float

    @property
    def group(self) -> str:
        """The department of the shop the product stands in."""
        return KINDS[self.kind].group


def draw_spec(rng: np.random.Generator) -> ProductSpec:
    """Draws the attributes of one product: a kind first, the rest by the skewed taste of that kind."""
    kind = _weighted(rng, tuple(KINDS), _kind_shares())
    about = KINDS[kind]
    colour = _ranked(rng, about.colours, _COLOUR_SKEW)
    pattern = _ranked(rng, about.patterns, _PATTERN_SKEW)
    brand = _ranked(rng, _brands_of(about.group), 0.7)
    level = BRANDS[brand][1]
    return ProductSpec(
        kind=kind,
        colour=colour,
        second_colour="" if pattern == "plain" else _second_colour(rng, about.colours, colour),
        pattern=pattern,
        material=_ranked(rng, about.materials, _MATERIAL_SKEW),
        shape=_ranked(rng, about.shapes, _SHAPE_SKEW),
        brand=brand,
        price=round(float(about.price * level * rng.lognormal(0.0, 0.25)), 2),
    )


def _second_colour(rng: np.random.Generator, colours: tuple[str, ...], colour: str) -> str:
    apart = tuple(other for other in colours if other != colour and {other, colour} not in _CLOSE)
    return _ranked(rng, apart, 0.6)


def _ranked(rng: np.random.Generator, values: tuple[str, ...], skew: float) -> str:
    return _weighted(rng, values, _zipf(len(values), skew))


def _weighted(rng: np.random.Generator, values: tuple[str, ...], shares: np.ndarray) -> str:
    return values[int(np.searchsorted(shares, rng.random(), side="right"))]


@cache
def _zipf(count: int, skew: float) -> np.ndarray:
    return _cumulative(np.arange(1, count + 1, dtype=float) ** -skew)


@cache
def _kind_shares() -> np.ndarray:
    return _cumulative(np.array([kind.share for kind in KINDS.values()]))


def _cumulative(weights: np.ndarray) -> np.ndarray:
    shares = np.cumsum(weights / weights.sum())
    shares[-1] = 1.0
    return shares


@cache
def _brands_of(group: str) -> tuple[str, ...]:
    return tuple(name for name, (_, _, groups) in BRANDS.items() if group in groups)
