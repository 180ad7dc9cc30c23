"""What the labelled pairs say of products that come again in other pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from product_matching._types import FloatArray
from product_matching.model.reranker.comparing import Record, whole

NAMES = ("known.left", "known.right")


class KnownMatches:
    """Remembers which products have a match already: most products have one, so another is less likely.

    Products are kept as hashes of their texts. A pair is never evidence about itself: what counts for (a, b) is whether
    a is known to match a product other than b, so that the feature means in training what it means later.

    Args:
        left: From the key of a left product to the keys of its matches; `right` follows from it.
    """

    def __init__(self, left: Mapping[str, Sequence[str]] | None = None) -> None:
        self.left = {key: set(others) for key, others in (left or {}).items()}
        self.right: dict[str, set[str]] = {}
        for key, others in self.left.items():
            for other in others:
                self.right.setdefault(other, set()).add(key)

    def learn(self, left: Sequence[Record], right: Sequence[Record], labels: Iterable[int]) -> None:
        """Adds the matches among labelled pairs."""
        for one, other, label in zip(left, right, labels, strict=True):
            if label:
                a, b = _key(one), _key(other)
                self.left.setdefault(a, set()).add(b)
                self.right.setdefault(b, set()).add(a)

    def __call__(self, left: Sequence[Record], right: Sequence[Record]) -> FloatArray:
        """`NAMES` of each pair: 1 where the product of that side is known to match another one, float32 [P, 2]."""
        found = np.zeros((len(left), len(NAMES)), np.float32)
        for row, (one, other) in enumerate(zip(left, right, strict=True)):
            a, b = _key(one), _key(other)
            found[row] = bool(self.left.get(a, set()) - {b}), bool(self.right.get(b, set()) - {a})
        return found

    def get_config(self) -> dict[str, list[str]]:
        return {key: sorted(others) for key, others in sorted(self.left.items())}


def _key(record: Record) -> str:
    return hashlib.blake2b(whole(record).encode("utf-8"), digest_size=8).hexdigest()
