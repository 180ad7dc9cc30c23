"""The outline of every shape of every kind."""

from __future__ import annotations

from functools import cache

from product_matching.dataset.sample_shop.outlines import Part
from product_matching.dataset.sample_shop.silhouettes.accessories import ACCESSORIES
from product_matching.dataset.sample_shop.silhouettes.bags import BAGS
from product_matching.dataset.sample_shop.silhouettes.clothes import CLOTHES
from product_matching.dataset.sample_shop.silhouettes.furniture import FURNITURE
from product_matching.dataset.sample_shop.silhouettes.home import HOME
from product_matching.dataset.sample_shop.silhouettes.kitchen import KITCHEN
from product_matching.dataset.sample_shop.silhouettes.shoes import SHOES
from product_matching.dataset.sample_shop.silhouettes.toys import TOYS

_DRAWERS = {**CLOTHES, **SHOES, **BAGS, **KITCHEN, **FURNITURE, **HOME, **TOYS, **ACCESSORIES}


@cache
def silhouette(kind: str, shape: str) -> tuple[Part, ...]:
    """The parts of a product on the unit square, from back to front."""
    return tuple(_DRAWERS[kind](shape))


__all__ = ["silhouette"]
