"""Which tags a product would have had, had its seller not forgotten them.

Sellers leave tags out. That a shirt is tagged `red` says that it is not `blue`; that another has no colour at all says
nothing of `blue`. To train on "is not blue" for the second teaches a falsehood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from product_matching._types import Tensor
from product_matching.dataset.catalog import Catalog

MOST_ROWS = 50_000
"""Products from which facets are learned, spread over the catalogue; more would tell nothing new."""
CHUNK = 4096
SELDOM = 0.02
"""Tags exclude each other when they stand together less than this share as often as by chance …"""
ENOUGH = 3.0
"""… and by chance would stand together at least so often."""
COVERED = 0.7
"""A tag is of a facet that sellers mean to fill when so large a share of products has it or a tag that excludes it."""

Unknown = Callable[[Tensor], Tensor]


def unknown_tags(catalog: Catalog, lookup: Callable[[Tensor], Mapping[str, Tensor]]) -> Unknown | None:
    """Learns from a catalogue which missing tags say nothing.

    Two tags exclude each other when they hardly ever stand together although both are frequent (`red` and `blue`, not
    `red` and `cotton`). The absence of a tag is unknown where most products have the tag or one that excludes it, and
    this product has neither. A tag that excludes nothing (`waterproof`) is absent where it is not named.

    Args:
        catalog: Products to train on.
        lookup: Tags, string [B], to `tags`, float32 [B, n] of 0 and 1.

    Returns:
        A function, for use in a graph, from `tags` to float32 [B, n]: 1 where the absence says nothing, else 0. `None`
        where that is the case for no tag.
    """
    together, count = _co_occurrence(catalog, lookup)
    frequency = np.diag(together)
    by_chance = np.outer(frequency, frequency) / max(count, 1)
    exclusive = (by_chance >= ENOUGH) & (together < SELDOM * by_chance)
    settles = exclusive | np.eye(len(exclusive), dtype=bool)
    covered = _shares(catalog, lookup, settles.astype(np.float32)) >= COVERED
    covered &= exclusive.any(axis=1)
    if not covered.any():
        return None
    settling, facet = tf.constant(settles, tf.float32), tf.constant(covered, tf.float32)
    return lambda tags: facet * tf.cast(tf.matmul(tags, settling) == 0, tf.float32)


def _co_occurrence(catalog: Catalog, lookup: Callable) -> tuple[np.ndarray, int]:
    """How often tags stand together, float64 [n, n], and among how many products that have tags."""
    total, count = 0.0, 0
    for tags in _chunks(catalog, lookup):
        total, count = total + tags.T @ tags, count + int(tags.any(axis=1).sum())
    return np.atleast_2d(np.asarray(total, dtype=float)), count


def _shares(catalog: Catalog, lookup: Callable, settles: np.ndarray) -> np.ndarray:
    """For each tag, the share of products with tags that have it or one that excludes it: float64 [n]."""
    settled, count = np.zeros(len(settles)), 0
    for tags in _chunks(catalog, lookup):
        settled += (tags @ settles > 0).sum(axis=0)
        count += int(tags.any(axis=1).sum())
    return settled / max(count, 1)


def _chunks(catalog: Catalog, lookup: Callable) -> Iterator[np.ndarray]:
    tags = catalog.table["tags"].to_numpy(dtype=object)[:: max(1, len(catalog) // MOST_ROWS)].astype(str)
    for start in range(0, len(tags), CHUNK):
        yield np.asarray(lookup(tf.constant(tags[start : start + CHUNK]))["tags"])
