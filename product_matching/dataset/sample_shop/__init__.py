"""A made-up shop, with photos and texts in two languages, that is hard enough to mean something."""

from __future__ import annotations

from product_matching.dataset.sample_shop.queries import (
    AttributePrecision,
    AttributeQuery,
    attribute_precision,
    attribute_queries,
)
from product_matching.dataset.sample_shop.shop import SampleShop, make_sample_shop

__all__ = [
    "AttributePrecision",
    "AttributeQuery",
    "SampleShop",
    "attribute_precision",
    "attribute_queries",
    "make_sample_shop",
]
