"""How well a recommender foresees: all products ranked, accuracy with intervals, and what lies beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from product_matching.errors import DataError
from product_matching.metrics import (
    RelevantRanks,
    bootstrap_interval,
    catalog_coverage,
    gini_index,
    ndcg_at,
    novelty,
    recall_at,
    reciprocal_rank,
)
from product_matching.recommendation.interactions import Interactions
from product_matching.recommendation.recommender import Recommender
from product_matching.recommendation.splitting import temperature_of
from product_matching.recommendation.top_k import MISS, ranks_of, top_k

Metrics = dict[str, float | int | list[float] | dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Outcome:
    """What a recommender did for each of B users.

    Attributes:
        ranks: Of what each user took next, among all N products.
        lists: int64 [B, k], positions of the products recommended, -1 where there are fewer.
        history_lengths: int64 [B].
        target_counts: float [M], how often each product that was taken next had been taken before, as in `ranks.ranks`.
    """

    ranks: RelevantRanks
    lists: np.ndarray
    history_lengths: np.ndarray
    target_counts: np.ndarray


def evaluate_recommender(
    model: Recommender, targets: Interactions, *, ks: Sequence[int] = (5, 10), seed: int = 0, intervals: bool = True
) -> Metrics:
    """Measures a fitted recommender on what its users took next; every product is ranked, none is sampled.

    Args:
        model: Fitted; its users' histories must end before the targets.
        targets: The events to foresee; a product that the model does not know is a miss.
        ks: Cuts.
        seed: Of the bootstrap.
        intervals: Also give 95 % bootstrap intervals over the users.

    Returns:
        `hr@k` (users with a hit among the first k), `ndcg@k`, `mrr`, each 0 to 1; `coverage` (share of the products
        that stand in somebody's list), `gini` (of the products' counts in the lists: 0 all equal, 1 one takes all),
        `novelty` (mean -log2 of a listed product's share of the events); these three for the largest k. `users`,
        `products`; `intervals`; `slices`: hr@k and ndcg@k by the length of the history (`cold`, `warm`, `hot` users)
        and by the events of the target (`cold`, `warm`, `hot` products), where there are any, with `intervals` too.

    Raises:
        DataError: If there is no target.
    """
    return metrics_of(rank_targets(model, targets, k=max(ks)), model, ks=ks, seed=seed, intervals=intervals)


def metrics_of(
    outcome: Outcome, model: Recommender, *, ks: Sequence[int], seed: int = 0, intervals: bool = True
) -> Metrics:
    """The metrics of `evaluate_recommender`, from ranks that are there already."""
    values = _per_user(outcome.ranks, ks)
    result: Metrics = {name: float(array.mean()) for name, array in values.items()}
    result |= beyond_accuracy(outcome.lists, model.products.counts)
    result |= {"users": len(outcome.ranks), "products": len(model.products)}
    if intervals:
        result["intervals"] = {name: list(bootstrap_interval(v, seed=seed)) for name, v in values.items()}
    slices = _slices(outcome, values, ks)
    result["slices"] = {name: _summary(part, seed=seed, intervals=intervals) for name, part in slices.items()}
    return result


def rank_targets(model: Recommender, targets: Interactions, *, k: int) -> Outcome:
    """Ranks all products for each user that has a target; a target that is already in the history is a miss."""
    users, positions, offsets = _grouped(model, targets)
    histories = model.histories_of(users)
    ranks, lists = np.empty(len(positions), np.int64), np.empty((len(users), k), np.int64)
    rows = np.repeat(np.arange(len(users)), np.diff(offsets))
    for block, scores in model.blocks(histories):
        inside = slice(offsets[block.start], offsets[block.stop])
        ranks[inside] = ranks_of(scores, rows[inside] - block.start, positions[inside])
        lists[block] = top_k(scores, k)[0]
    ranks[positions < 0] = MISS
    order = np.lexsort((ranks, rows))
    packed = RelevantRanks(ranks[order], offsets, np.arange(len(users)))
    counts = np.where(positions < 0, 0, model.products.counts[positions])
    return Outcome(packed, lists, histories.lengths, counts[order])


def beyond_accuracy(lists: np.ndarray, counts: np.ndarray) -> dict[str, float]:
    """Coverage, Gini index and novelty of lists int64 [B, k] over products with these event counts [N]."""
    return {
        "coverage": catalog_coverage(lists, len(counts)),
        "gini": gini_index(lists, len(counts)),
        "novelty": novelty(lists, counts),
    }


def _grouped(model: Recommender, targets: Interactions) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Users [B], positions of their targets [M], offsets [B + 1]; a product taken twice counts once, -1 is unknown."""
    if not len(targets):
        raise DataError("There is no event to foresee: there is nothing to measure.")
    pairs = np.unique(np.stack([targets.user, targets.product], axis=1), axis=0)
    positions = model.products.positions(targets.products)[pairs[:, 1]]
    users, counts = np.unique(pairs[:, 0], return_counts=True)
    return targets.users[users].tolist(), positions, np.concatenate([[0], np.cumsum(counts)])


def _per_user(ranks: RelevantRanks, ks: Sequence[int]) -> dict[str, np.ndarray]:
    values = {f"hr@{k}": recall_at(ranks, k) for k in ks}
    return values | {f"ndcg@{k}": ndcg_at(ranks, k) for k in ks} | {"mrr": reciprocal_rank(ranks)}


def _slices(outcome: Outcome, values: dict[str, np.ndarray], ks: Sequence[int]) -> dict[str, dict[str, np.ndarray]]:
    """Values of the users of each slice, by metric."""
    result = {}
    users = temperature_of(outcome.history_lengths)
    products = temperature_of(outcome.target_counts)
    ranks = outcome.ranks
    for name in ("cold", "warm", "hot"):
        if (users == name).any():
            result[f"{name} users"] = {key: array[users == name] for key, array in values.items()}
        kept = [ranks.ranks[a:b][products[a:b] == name] for a, b in zip(ranks.offsets, ranks.offsets[1:], strict=False)]
        if any(len(part) for part in kept):
            result[f"{name} products"] = _per_user(RelevantRanks.from_lists(kept), ks)
    return result


def _summary(values: dict[str, np.ndarray], *, seed: int, intervals: bool) -> dict[str, Any]:
    result: dict[str, Any] = {name: float(array.mean()) for name, array in values.items()}
    result["users"] = len(values["mrr"])
    if intervals:
        result["intervals"] = {name: list(bootstrap_interval(v, seed=seed)) for name, v in values.items()}
    return result
