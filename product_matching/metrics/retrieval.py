"""Retrieval from a gallery by inner product: who finds what it looks for, and how far down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import ConfigError, DataError, unknown_name
from product_matching.metrics.checks import finite_matrix
from product_matching.metrics.ranking import RelevantRanks, mrr, ndcg_at, recall_at
from product_matching.metrics.searching import Relevant, Searched, blocks, search

Ties = Literal["order", "random"]


def retrieval_metrics(
    queries: ArrayLike,
    gallery: ArrayLike,
    *,
    query_groups: ArrayLike,
    gallery_groups: ArrayLike,
    ks: Sequence[int] = (1, 5, 10),
    chunk: int = 1024,
    ties: Ties = "order",
    seed: int = 0,
) -> dict[str, float | int]:
    """Ranks the gallery for every query and measures where the relevant items stand.

    Args:
        queries: float `[Q, D]`.
        gallery: float `[G, D]`; an item's score is its inner product with the query.
        query_groups: `[Q]`, the product each query belongs to.
        gallery_groups: `[G]`, the product of each item. All items of the query's group are relevant to it, so
            a duplicate of the wanted picture is a hit.
        ks: Cuts of `recall@k`: the share of queries with a relevant item among the first k.
        chunk: How many queries are scored at a time; memory is about `chunk * G * 4` bytes.
        ties: See `query_ranks`.
        seed: Of the random order of ties.

    Returns:
        `recall@k` for each k, `mrr`, `ndcg@10` (all 0 to 1, means over the queries that have something
        relevant in the gallery), `queries` (how many those are) and `gallery` (G).

    Raises:
        DataError: If an array is empty, holds nan or does not fit, or no query has a relevant item.
    """
    ranks = query_ranks(
        queries,
        gallery,
        query_groups=query_groups,
        gallery_groups=gallery_groups,
        chunk=chunk,
        ties=ties,
        seed=seed,
    )
    return summarise_ranks(ranks, gallery=len(np.asarray(gallery_groups)), ks=ks)


def summarise_ranks(ranks: RelevantRanks, *, gallery: int, ks: Sequence[int] = (1, 5, 10)) -> dict[str, float | int]:
    """The numbers of `retrieval_metrics`, from ranks that are there already.

    Args:
        ranks: Of `query_ranks`.
        gallery: How many items were ranked.
        ks: Cuts of `recall@k`.
    """
    recalls = {f"recall@{k}": float(recall_at(ranks, k).mean()) for k in ks}
    means = {"mrr": mrr(ranks), "ndcg@10": float(ndcg_at(ranks, 10).mean())}
    return {**recalls, **means, "queries": len(ranks), "gallery": gallery}


def query_ranks(
    queries: ArrayLike,
    gallery: ArrayLike,
    *,
    query_groups: ArrayLike,
    gallery_groups: ArrayLike,
    chunk: int = 1024,
    ties: Ties = "order",
    seed: int = 0,
) -> RelevantRanks:
    """The `ranks` of `search_all`."""
    groups = {"query_groups": query_groups, "gallery_groups": gallery_groups}
    return search_all(queries, gallery, **groups, chunk=chunk, ties=ties, seed=seed).ranks


def search_all(
    queries: ArrayLike,
    gallery: ArrayLike,
    *,
    query_groups: ArrayLike,
    gallery_groups: ArrayLike,
    chunk: int = 1024,
    ties: Ties = "order",
    seed: int = 0,
) -> Searched:
    """Finds the ranks of the relevant items of every query, from which every ranking metric follows.

    The rank is counted, not sorted out: 1 + the items that score higher + the equal ones before it.

    Args:
        queries: float `[Q, D]`.
        gallery: float `[G, D]`.
        query_groups: `[Q]`, the product each query belongs to.
        gallery_groups: `[G]`, the product of each item.
        chunk: How many queries are scored at a time.
        ties: What stands first among equal scores. `"order"`: what comes first in the gallery, as a search
            would return it. `"random"`: what comes first in one seeded shuffle of the gallery, for baselines
            that see only a colour: they give masses of ties, and the gallery's order may follow the queries'.
        seed: Of that shuffle.

    Returns:
        The ranks, the first results and the leads, without the queries that have nothing relevant in the gallery.

    Raises:
        ConfigError: If `ties` or `chunk` is not allowed.
        DataError: If an array is empty, holds nan or does not fit, or no query has a relevant item.
    """
    vectors, items = _checked("queries", queries, query_groups), _checked("gallery", gallery, gallery_groups)
    if vectors[0].shape[1] != items[0].shape[1]:
        raise DataError(f"queries have {vectors[0].shape[1]} dimensions and the gallery {items[0].shape[1]}.")
    if chunk < 1:
        raise ConfigError(f"chunk must be 1 or more, not {chunk}.")
    order = _tie_order(len(items[1]), ties=ties, seed=seed)
    relevant = Relevant(vectors[1], items[1][order])
    found = search(blocks(vectors[0], items[0][order], chunk), relevant=relevant)
    return found._replace(first=np.arange(len(items[1]))[order][found.first])


def _checked(name: str, vectors: ArrayLike, groups: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    matrix, labels = finite_matrix(name, vectors), np.asarray(groups)
    if labels.shape != matrix.shape[:1]:
        raise DataError(f"{name} has {len(matrix)} rows, but its groups have the shape {labels.shape}.")
    return matrix, labels


def _tie_order(items: int, *, ties: Ties, seed: int) -> np.ndarray | slice:
    """How the gallery stands when ties go to the first."""
    if ties == "order":
        return slice(None)
    if ties != "random":
        raise ConfigError(unknown_name("ties", ties, ("order", "random")))
    return np.random.default_rng(seed).permutation(items)
