"""Splits by group, stable by hash."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

import numpy as np


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


def _part(u: float, val: float, test: float) -> str:
    if u < test:
        return "test"
    return "val" if u < test + val else "train"


def _uniform(key: str, seed: int) -> float:
    digest = hashlib.blake2b(key.encode("utf-8"), digest_size=8, key=str(seed).encode()).digest()
    return int.from_bytes(digest, "big") / 2**64
