"""The same picture, however it was resized or compressed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from product_matching._types import IntArray
from product_matching.dataset.fingerprints import BITS, COLOURS
from product_matching.dataset.near import candidate_pairs, connected

MAX_BITS = 5
"""Bits of 128 in which near duplicates may differ, and at most a quarter of those set: a blank one has few."""
MAX_DIFFERENCE = 0.06
"""Root mean square difference of the 8 x 8 colours, as a share of how much they vary within the picture."""
DETAIL = 24
"""Bits that a picture with enough to see has set; with fewer, less difference is allowed."""
_BANDS, _WINDOW = 8, 256


def alike_images(looks: Sequence[bytes]) -> IntArray:
    """Groups fingerprints into sets of near duplicates.

    Two are near if they differ in at most `MAX_BITS` bits, and in colours by at most `MAX_DIFFERENCE`. The bits
    are dealt out to eight bands: two that differ in fewer than eight bits have one band in common, so only rows that
    share a band are compared (the pigeonhole principle; Manku et al., WWW 2007).

    Args:
        looks: Of `fingerprint` [N].

    Returns:
        int64 [N], the same number for images of one set.
    """
    if not looks:
        return np.zeros(0, np.int64)
    unique, same = np.unique(np.frombuffer(b"".join(looks), f"S{BITS + COLOURS}"), return_inverse=True)
    table = np.frombuffer(unique.astype(f"S{BITS + COLOURS}").tobytes(), np.uint8).reshape(len(unique), -1)
    words = table[:, :BITS].copy().view(np.uint64)
    colours = table[:, BITS:]
    edges = np.bitwise_count(words).sum(axis=1)
    allowed = np.minimum(edges // 4, MAX_BITS)
    # Two black wallets on white differ by little, so where there is little to see, little is allowed.
    spread = colours.std(axis=1, dtype=np.float32) * np.minimum(edges / DETAIL, 1)
    shade = colours.sum(axis=1, dtype=np.int64)
    lefts, rights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for keys in _bands(table[:, :BITS]):
        for left, right in candidate_pairs(keys, shade, window=_WINDOW):
            near = np.bitwise_count(words[left] ^ words[right]).sum(axis=1) <= allowed[left]
            left, right = left[near], right[near]
            difference = colours[left].astype(np.float32) - colours[right]
            limit = np.maximum(MAX_DIFFERENCE * spread[left], 1)  # below one step of 255 lies what rounding does
            near = np.sqrt(np.mean(difference**2, axis=1)) <= limit
            lefts.append(left[near])
            rights.append(right[near])
    return connected(len(unique), np.concatenate(lefts), np.concatenate(rights))[same.ravel()]


def _bands(hashes: np.ndarray) -> list[np.ndarray]:
    """Eight numbers of 16 bits for each hash. Each takes its bits from all over the picture: a rim is often blank."""
    bits = np.unpackbits(hashes, axis=1)
    order = np.random.default_rng(0).permutation(bits.shape[1]).reshape(_BANDS, -1)
    return [np.ascontiguousarray(np.packbits(bits[:, places], axis=1)).view(np.uint16).ravel() for places in order]
