"""How much do the bandits forgo while they learn what shoppers of the sample shop like?

Data: the sample shop of 600 products and 300 shoppers. At each visit a shopper comes in, twenty products are on offer,
one is shown; it is clicked with a probability that grows with the shares of the shopper's purchases that have its kind,
colour, pattern and brand (weights 1, .7, .3, 0). The bandits see the shares of the first half of the purchases alone.
Regret is what the best of the twenty would have brought, less what the shown one brings, in expected clicks: the mean
of five seeds and its standard deviation.

Time: ten minutes.

Command:

    python benchmarks/bandit.py [--rounds 20000]
"""

from __future__ import annotations

import argparse
import json
import tempfile

import numpy as np
import pandas as pd

from product_matching.dataset import make_sample_shop
from product_matching.recommendation import LinearBandit, load_interactions
from product_matching.recommendation.bandit import POLICIES
from product_matching.recommendation.bandit_simulation import shop_of, simulate

WEIGHTS = {"kind": 1.0, "colour": 0.7, "pattern": 0.3, "brand": 0.0}
SEEDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20_000)
    rounds = parser.parse_args().rounds
    contexts, truth = make_shop()
    marks = [rounds // 20, rounds // 4, rounds // 2, rounds]
    for policy in POLICIES:
        curves = np.array([run(policy, contexts, truth, rounds=rounds, seed=seed) for seed in range(SEEDS)])
        at = {mark: curves[:, mark - 1] for mark in marks}
        cells = {f"after {mark:,} visits": f"{some.mean():.0f} ± {some.std():.0f}" for mark, some in at.items()}
        print(json.dumps({"policy": policy, **cells}), flush=True)


def make_shop() -> tuple[np.ndarray, np.ndarray]:
    """Contexts and true probabilities, see `shop_of`."""
    with tempfile.TemporaryDirectory() as folder:
        shop = make_sample_shop(folder, products=600, shoppers=300)
        interactions = load_interactions(shop.interactions)
        table = pd.read_csv(shop.catalog, dtype=str, keep_default_na=False).set_index("product_id")
    attributes = {name: table.loc[interactions.products, name].tolist() for name in WEIGHTS}
    return shop_of(interactions, attributes, weights=list(WEIGHTS.values()))


def run(policy: str, contexts: np.ndarray, truth: np.ndarray, *, rounds: int, seed: int) -> np.ndarray:
    """The regret curve of one policy."""
    bandit = LinearBandit(contexts.shape[-1], policy, seed=seed)
    return simulate(bandit, contexts, truth, rounds=rounds, seed=seed)


if __name__ == "__main__":
    main()
