"""One product as its seller lists it: attributes, words, tags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from product_matching.dataset.sample_shop.spec import ProductSpec, draw_spec
from product_matching.dataset.sample_shop.writing import Writing, choose_tags, write_again, write_product

_TWINS = 0.042  # share of products that another seller lists again under the same title
_FURTHEST_TWIN = 400
_NO_PICTURE = 0.01


@dataclass(frozen=True)
class Listing:
    """Everything about a product but its photo."""

    spec: ProductSpec
    writing: Writing
    tags: tuple[str, ...]
    pictured: bool


@lru_cache(maxsize=2 * _FURTHEST_TWIN)
def draw_listing(seed: int, number: int) -> Listing:
    """Draws product `number` of the shop with that seed; it depends on nothing else.

    A few products are twins of an earlier one: a seller without brand offers the same thing under the same
    title, with a photo, a description and tags of his own.
    """
    rng = np.random.default_rng([seed, number])
    twin, back = rng.random() < _TWINS, int(rng.integers(1, _FURTHEST_TWIN + 1))
    if twin and back <= number:
        first = draw_listing(seed, number - back)
        if first.writing.title:
            return _list_again(first, rng)
    spec = draw_spec(rng)
    return _list(spec, write_product(spec, rng), rng)


def _list_again(first: Listing, rng: np.random.Generator) -> Listing:
    price = round(first.spec.price * rng.uniform(0.7, 1.1), 2)
    spec = replace(first.spec, brand="", price=price)
    return _list(spec, write_again(spec, first.writing, rng), rng)


def _list(spec: ProductSpec, writing: Writing, rng: np.random.Generator) -> Listing:
    return Listing(spec, writing, choose_tags(spec, rng), pictured=bool(rng.random() >= _NO_PICTURE))
