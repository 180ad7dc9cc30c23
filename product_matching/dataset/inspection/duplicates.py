"""Products that show the same picture or say the same words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from product_matching._types import IntArray
from product_matching.dataset.catalog import Catalog
from product_matching.dataset.families import first_facts, many_titles
from product_matching.dataset.near import sets_of_two_or_more
from product_matching.dataset.near_images import alike_images
from product_matching.dataset.near_texts import alike_texts
from product_matching.dataset.splitting import normalise_title

_COMMON = 0.2
"""Share of title words below which two titles contradict each other."""


@dataclass(frozen=True)
class Duplicates:
    """Sets of rows of a catalogue, the largest first: each int64 [2 or more].

    Attributes:
        same_image, near_image: With the same file, and with near the same picture.
        same_text, near_text: With the same title and description, and near the same ones.
        contradictions: Of `near_image`, those whose titles say different things or whose kinds of goods differ.
        placeholders: Of `near_image`, those that too many different titles share.
    """

    same_image: list[IntArray]
    near_image: list[IntArray]
    same_text: list[IntArray]
    near_text: list[IntArray]
    contradictions: list[IntArray]
    placeholders: list[IntArray]


def find_duplicates(catalog: Catalog) -> Duplicates:
    """Compares all images (each product's first) and all texts of a catalogue."""
    rows, facts = first_facts(catalog)
    same_image = _sets(rows, np.unique([one.digest.hex() for one in facts], return_inverse=True)[1])
    near_image = _sets(rows, alike_images([one.look for one in facts]))
    same_text, near_text = alike_texts(*(catalog.table[name].to_numpy() for name in ("title", "description")))
    titles, kinds = catalog.table["title"].to_numpy(), catalog.categories().to_numpy()
    crowds = [many_titles(titles[rows]) for rows in near_image]
    return Duplicates(
        same_image,
        near_image,
        sets_of_two_or_more(same_text),
        sets_of_two_or_more(near_text),
        [
            rows
            for rows, crowd in zip(near_image, crowds, strict=True)
            if not crowd and _contradict(titles[rows], kinds[rows])
        ],
        [rows for rows, crowd in zip(near_image, crowds, strict=True) if crowd],
    )


def _contradict(titles: np.ndarray, kinds: np.ndarray) -> bool:
    known = {kind for kind in kinds if kind}
    if len(known) > 1:
        return True
    words = [_words(title) for title in titles if title]
    return any(len(words[0] & other) < _COMMON * min(len(words[0]), len(other)) for other in words[1:])


def _words(title: str) -> set[str]:
    folded = normalise_title(title)
    # Chinese writes no spaces: its characters stand for words.
    return set(folded.split() if folded.isascii() else folded.replace(" ", ""))


def _sets(rows: IntArray, labels: IntArray) -> list[IntArray]:
    return [rows[members] for members in sets_of_two_or_more(labels)]
