"""Bandits on made-up visits of real shoppers: how much each policy forgoes while it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from product_matching.recommendation.bandit import LinearBandit
from product_matching.recommendation.interactions import Interactions

LEAST, MOST = 0.02, 0.6
"""Probability of a click on what suits a shopper least and most."""


def shop_of(
    interactions: Interactions, attributes: Mapping[str, Sequence[str]], *, weights: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Makes contexts and true probabilities from what shoppers bought.

    Args:
        interactions: U users, P products.
        attributes: From a name to the value of each of the P products, in the order of `interactions.products`.
        weights: [A], what each attribute counts in truth; the bandit is to find out.

    Returns:
        Contexts float64 [U, P, A + 1]: for each attribute the share of the first half of the user's purchases that
        have the product's value, and 1. Probabilities of a click float64 [U, P]: the weighted shares over all
        purchases, from `LEAST` to `MOST`.
    """
    early, whole = [], []
    position = np.arange(len(interactions)) - interactions.offsets[interactions.user]
    half = position < np.diff(interactions.offsets)[interactions.user] / 2
    for values in attributes.values():
        _, codes = np.unique(np.asarray(values).astype(str), return_inverse=True)
        for shares, mask in ((early, half), (whole, np.ones(len(half), dtype=bool))):
            counts = np.zeros((len(interactions.users), codes.max() + 1))
            np.add.at(counts, (interactions.user[mask], codes[interactions.product[mask]]), 1)
            shares.append((counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[:, codes])
    liking = np.tensordot(np.asarray(weights, dtype=np.float64), np.stack(whole), axes=1)
    truth = LEAST + (MOST - LEAST) * liking / max(liking.max(), 1e-9)
    return np.stack([*early, np.ones_like(truth)], axis=-1), truth


def simulate(
    bandit: LinearBandit, contexts: np.ndarray, truth: np.ndarray, *, rounds: int, candidates: int = 20, seed: int = 0
) -> np.ndarray:
    """Lets shoppers come in at random, offers candidates drawn at random, and shows what the bandit chooses.

    Args:
        bandit: Learns as it goes.
        contexts: float [U, P, dim].
        truth: float [U, P], probability of a click.
        rounds: Visits.
        candidates: Products to choose from at each visit.
        seed: Of visits, candidates and clicks, the same for every bandit.

    Returns:
        Cumulative regret float64 [rounds]: what the best candidate would have brought, less what the shown one
        brings, in expected clicks.
    """
    random = np.random.default_rng(seed)
    regret = np.empty(rounds)
    users, products = truth.shape
    for visit in range(rounds):
        user = int(random.integers(users))
        offered = random.choice(products, size=min(candidates, products), replace=False)
        luck = random.random()
        shown = bandit.choose(contexts[user, offered])
        chances = truth[user, offered]
        bandit.learn(contexts[user, offered[shown]], float(luck < chances[shown]))
        regret[visit] = chances.max() - chances[shown]
    return regret.cumsum()
