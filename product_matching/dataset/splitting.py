"""Splits by group, stable by hash, and remembered."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from product_matching._types import IntArray

SIDES = ("train", "val", "test")


def normalise_title(title: str) -> str:
    """Folds what two listings of one product write differently: case, width, punctuation, spaces.

    >>> normalise_title("Red  MUG, 350ml!")
    'red mug 350ml'
    """
    folded = unicodedata.normalize("NFKC", title).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", folded).split())


def assign_parts(keys: Iterable[str], seed: int, *, val: float, test: float) -> np.ndarray:
    """Assigns each key to `"train"`, `"val"` or `"test"`.

    Args:
        keys: Group keys [N]; equal keys get the same part.
        seed: Another seed gives another split.
        val, test: Shares of the groups.

    Returns:
        str [N].
    """
    return np.array([_part(_uniform(key, seed), val, test) for key in keys], dtype=object).astype(str)


@dataclass(frozen=True)
class KnownSides:
    """Which groups stood on which side of an earlier split.

    Attributes:
        groups: int64 [N], ascending, of `Catalog.groups`.
        sides: uint8 [N], places in `SIDES`.
    """

    groups: IntArray
    sides: np.ndarray

    @classmethod
    def of(cls, parts: Iterable[IntArray]) -> KnownSides:
        """Of the groups of train, validation and test."""
        parts = [np.unique(groups) for groups in parts]
        groups = np.concatenate(parts)
        sides = np.repeat(np.arange(len(parts), dtype=np.uint8), [len(part) for part in parts])
        order = np.argsort(groups, kind="stable")
        return cls(groups[order], sides[order])

    def look_up(self, groups: IntArray) -> np.ndarray:
        """The side of each group, int64 [M]; -1 for one that was not there."""
        if not len(self.groups):
            return np.full(len(groups), -1)
        places = np.minimum(np.searchsorted(self.groups, groups), len(self.groups) - 1)
        return np.where(self.groups[places] == groups, self.sides[places].astype(np.int64), -1)

    def trained_on(self, groups: IntArray) -> np.ndarray:
        """Whether each group stood among the training's, bool [M]."""
        return self.look_up(groups) == SIDES.index("train")

    def save(self, path: Path) -> None:
        """Writes an .npz file: nine bytes a group."""
        np.savez(path, groups=self.groups, sides=self.sides)

    @classmethod
    def load(cls, path: Path) -> KnownSides:
        """The inverse of `save`."""
        with np.load(path) as kept:
            return cls(kept["groups"], kept["sides"])


def keep_known(parts: np.ndarray, groups: IntArray, families: IntArray, known: KnownSides) -> np.ndarray:
    """Corrects a split so that no group leaves the side where it stood before.

    A new group of a family (products whose pictures are alike) goes where a member of it stood, to train before
    validation before test: what a model may have learned is never asked of it.

    Args:
        parts: str [N], as `assign_parts` gives them.
        groups, families: int64 [N].
        known: The earlier split.

    Returns:
        str [N].
    """
    sides = known.look_up(groups)
    names, numbers = np.unique(families, return_inverse=True)
    first = np.full(len(names), len(SIDES))
    np.minimum.at(first, numbers[sides >= 0], sides[sides >= 0])
    sides = np.where(sides >= 0, sides, first[numbers])
    return np.where(sides < len(SIDES), np.array([*SIDES, ""])[sides], parts)


def _part(u: float, val: float, test: float) -> str:
    if u < test:
        return "test"
    return "val" if u < test + val else "train"


def _uniform(key: str, seed: int) -> float:
    digest = hashlib.blake2b(key.encode("utf-8"), digest_size=8, key=str(seed).encode()).digest()
    return int.from_bytes(digest, "big") / 2**64
