"""What the seller writes about a product: title, description and tags, in English or in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from product_matching.dataset.sample_shop import chinese, english
from product_matching.dataset.sample_shop.spec import ProductSpec

Language = Literal["en", "zh"]

# How often an attribute is mentioned at all. Few insist on "plain".
_MENTIONED = {"colour": 0.99, "pattern": 0.98, "shape": 0.92, "material": 0.80}
_ENGLISH = 2 / 3
_NO_DESCRIPTION, _NO_TITLE, _NO_TAGS = 0.12, 0.02, 0.08
_WRITERS = {"en": english, "zh": chinese}


@dataclass(frozen=True)
class Mentions:
    """Which of the attributes colour, pattern, shape and material stand where.

    Tuples, not sets: draws follow their order, and that of a set of strings differs from process to process.
    """

    title: tuple[str, ...]
    description: tuple[str, ...]


@dataclass(frozen=True)
class Writing:
    """What is written about one product; a field that the seller left out is empty, never both texts."""

    language: Language
    title: str
    description: str


def write_product(spec: ProductSpec, rng: np.random.Generator) -> Writing:
    """Writes title and description in one language; what one of them lacks is mostly in the other."""
    language: Language = "en" if rng.random() < _ENGLISH else "zh"
    fate = rng.random()
    titled, described = fate >= _NO_TITLE, fate < 1 - _NO_DESCRIPTION
    mentions = _plan(spec, rng, titled=titled, described=described)
    writer = _WRITERS[language]
    title = writer.write_title(spec, mentions.title, rng) if titled else ""
    return Writing(language, title, writer.write_description(spec, mentions.description, rng) if described else "")


def write_again(spec: ProductSpec, first: Writing, rng: np.random.Generator) -> Writing:
    """Writes about a product that another seller has listed: his title, a description of one's own."""
    if rng.random() < _NO_DESCRIPTION:
        return replace(first, description="")
    mentions = _plan(spec, rng, titled=False, described=True)
    return replace(first, description=_WRITERS[first.language].write_description(spec, mentions.description, rng))


def choose_tags(spec: ProductSpec, rng: np.random.Generator) -> tuple[str, ...]:
    """Tags that somebody clicked on: none, or 80 to 100 % of the six that fit, in any order."""
    if rng.random() < _NO_TAGS:
        return ()
    tags = list(dict.fromkeys([spec.kind, spec.group, spec.colour, spec.pattern, spec.material, spec.shape]))
    kept = round(len(tags) * rng.uniform(0.8, 1.0))
    return tuple(tags[place] for place in rng.permutation(len(tags))[:kept])


def _plan(spec: ProductSpec, rng: np.random.Generator, *, titled: bool, described: bool) -> Mentions:
    title: list[str] = []
    description: list[str] = []
    for attribute, share in _chances(spec).items():
        mentioned, place = rng.random() < share, rng.random()
        if not mentioned:
            continue
        # 45 % in the title only, 30 % in the description only, 25 % in both.
        if titled and (place < 0.70 or not described):
            title.append(attribute)
        if described and (place >= 0.45 or not titled):
            description.append(attribute)
    return Mentions(tuple(title), tuple(description))


def _chances(spec: ProductSpec) -> Mapping[str, float]:
    return _MENTIONED | {"pattern": 0.80} if spec.pattern == "plain" else _MENTIONED
