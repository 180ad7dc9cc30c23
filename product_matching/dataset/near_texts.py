"""The same text, but for a few letters."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from product_matching._types import IntArray
from product_matching.dataset.near import candidate_pairs, connected
from product_matching.dataset.splitting import normalise_title

GRAM = 3
"""Letters of an n-gram."""
THRESHOLD = 0.9
"""Share of n-grams (Jaccard) that near duplicates have in common."""
_HASHES, _BANDS, _WINDOW, _CHUNK, _LIKELY = 32, 8, 8, 20_000, 0.75
_RNG = np.random.default_rng(0)
_FACTORS = _RNG.integers(1, 2**63, size=_HASHES, dtype=np.uint64) | np.uint64(1)


def alike_texts(*fields: Sequence[str]) -> tuple[IntArray, IntArray]:
    """Groups texts into sets of equal ones and of near duplicates.

    Case, width, punctuation and spaces do not count, numbers do: "size 42" and "size 43" are two texts. Near are texts
    with the same numbers whose sets of three-letter sequences have a Jaccard similarity of at least `THRESHOLD`. Only
    texts that share four minimum hashes in a row, of 32, are compared (Broder, 1997): of pairs just above the threshold
    one in a hundred is missed. Empty texts are like none.

    Args:
        fields: Parts of the N texts, such as titles [N] and descriptions [N]; joined a few thousand at a time.

    Returns:
        Two int64 [N], the same number for equal texts, and for near ones.
    """
    exact, numbers, signatures = [], [], []
    for start in range(0, len(fields[0]), _CHUNK):
        folded = [
            normalise_title(" ".join(parts)) for parts in zip(*(f[start : start + _CHUNK] for f in fields), strict=True)
        ]
        exact.append(_digests(folded))
        numbers.append(_digests([" ".join(sorted(re.findall(r"\d+", text))) for text in folded]))
        signatures.append(_signatures(folded))
    if not exact:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    keys = np.concatenate(exact)
    empty = keys == _digests([""])[0]
    keys[empty] = np.arange(empty.sum())  # each a text of its own
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    known = ~empty[first]
    rows = np.flatnonzero(known)
    left, right = _likely_pairs(np.concatenate(signatures)[first[rows]], np.concatenate(numbers)[first[rows]])
    left, right = rows[left], rows[right]
    pairs = zip(first[left], first[right], strict=True)
    near = np.fromiter((_jaccard(fields, a, b) >= THRESHOLD for a, b in pairs), bool, count=len(left))
    near = connected(len(known), left[near], right[near])
    return same.astype(np.int64), near[same]


def _likely_pairs(signatures: np.ndarray, numbers: np.ndarray) -> tuple[IntArray, IntArray]:
    """Pairs with the same numbers whose signatures promise nearness: rows, int64 [P] each, no pair twice."""
    pairs = [np.zeros(0, np.int64)]
    for band in np.split(np.arange(_HASHES), _BANDS):
        keys = numbers.copy()
        for column in band:
            keys = keys * np.uint64(0x9E3779B97F4A7C15) + signatures[:, column]
        for left, right in candidate_pairs(keys, signatures[:, (band[0] + 4) % _HASHES], window=_WINDOW):
            likely = (signatures[left] == signatures[right]).mean(axis=1) >= _LIKELY
            likely &= numbers[left] == numbers[right]
            both = np.sort(np.stack([left[likely], right[likely]]), axis=0)
            pairs.append(both[0] * len(numbers) + both[1])
    return np.divmod(np.unique(np.concatenate(pairs)), max(len(numbers), 1))


def _jaccard(fields: Sequence[Sequence[str]], left: int, right: int) -> float:
    a, b = (_grams(normalise_title(" ".join(field[row] for field in fields))) for row in (left, right))
    return len(a & b) / len(a | b)


def _grams(text: str) -> set[str]:
    padded = f" {text} ".ljust(GRAM)
    return {padded[i : i + GRAM] for i in range(len(padded) - GRAM + 1)}


def _signatures(texts: list[str]) -> np.ndarray:
    """The smallest hash of each text's n-grams by each of 32 hash functions: uint32 [B, 32]."""
    padded = [f" {text} ".ljust(GRAM) for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le"), np.uint32).astype(np.uint64)
    ends = np.cumsum([len(text) for text in padded])
    grams = codes[:-2] * np.uint64(0x100000001B3) + codes[1:-1]
    grams = (grams * np.uint64(0x100000001B3) + codes[2:]) * np.uint64(0xFF51AFD7ED558CCD)
    grams ^= grams >> np.uint64(32)
    # Sequences that reach into the next text are nobody's: each takes the one before it instead.
    for back in (2, 1):
        across = ends[:-1] - back
        grams[across] = grams[ends[:-1] - 3]
    starts = np.concatenate([[0], ends[:-1]])
    found = [np.minimum.reduceat(grams * factor >> np.uint64(32), starts) for factor in _FACTORS]
    return np.stack(found, axis=1).astype(np.uint32)


def _digests(texts: list[str]) -> np.ndarray:
    digests = b"".join(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, np.uint64).copy()
