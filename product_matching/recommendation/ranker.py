"""The learned ranker of the hybrid: boosted trees through the library `lightgbm`, calibrated by kind of user.

The first column of its features is the score that the trees start from, so that they learn only what is to be mended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from product_matching._optional import require
from product_matching.metrics import fit_platt
from product_matching.recommendation.splitting import temperature_of

TEMPERATURES = ("cold", "warm", "hot")
PATIENCE = 20  # rounds without a gain on the users that were set aside
LEAST_SCALE = 1e-6  # keeps the order of scores where the calibration found none


@dataclass(frozen=True)
class Ranker:
    """Trees, and a Platt calibration for each kind of user.

    Attributes:
        booster: LightGBM's model.
        calibration: float64 [3, 2]: scale and offset for cold, warm and hot users.
    """

    booster: Any
    calibration: np.ndarray

    def probability(self, features: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """That each candidate is what the user takes next.

        Args:
            features: float32 [M, F], a row a candidate.
            lengths: int64 [M], events of its user.

        Returns:
            float64 [M], 0 to 1.
        """
        if not len(features):
            return np.zeros(0)
        scores = _scores(self.booster, features)
        scale, offset = self.calibration[_kinds(lengths)].T
        return 1 / (1 + np.exp(-np.clip(scale * scores + offset, -500, 500)))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As arrays, to be saved."""
        return {"booster": np.array(self.booster.model_to_string()), "calibration": self.calibration}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Ranker:
        """The inverse of `to_arrays`."""
        lightgbm = require("lightgbm", "recommend")
        booster = lightgbm.Booster(model_str=str(arrays["booster"]))
        return cls(booster, arrays["calibration"])


def fit_ranker(
    features: np.ndarray,
    labels: np.ndarray,
    users: np.ndarray,
    lengths: np.ndarray,
    *,
    rounds: int,
    learning_rate: float,
    leaves: int,
    seed: int,
    threads: int,
) -> Ranker:
    """Learns to order candidates by LambdaRank (Burges, 2010) on four users of five, and calibrates on the fifth.

    Args:
        features: float32 [M, F], the candidates of a user one after the other; column 0 is what the trees start from.
        labels: [M], 1 for what the user took, 0 for the rest.
        users: int64 [M], ascending.
        lengths: int64 [M], events of the user.
        rounds, learning_rate, leaves, seed, threads: Of the trees; fewer rounds where the users that are set aside gain
            nothing by more.
    """
    lightgbm = require("lightgbm", "recommend")
    _, numbers = np.unique(users, return_inverse=True)
    aside = np.random.default_rng(seed).random(numbers.max() + 1)[numbers] < 0.2
    if not labels[~aside].any() or not labels[aside].any():
        aside = np.zeros(len(labels), dtype=bool)  # too few users to set any aside
    fitted = ~aside if aside.any() else np.ones(len(labels), dtype=bool)
    # A user without a hit among the candidates teaches no order.
    hits = np.bincount(numbers, labels) > 0
    fitted &= hits[numbers]
    options = {"objective": "lambdarank", "learning_rate": learning_rate, "num_leaves": leaves, "verbose": -1}
    options |= {"seed": seed, "deterministic": True, "force_row_wise": True, "num_threads": threads}
    options |= {
        "min_data_in_leaf": max(5, min(50, len(labels) // 100)),
        "lambdarank_truncation_level": 30,
        "feature_fraction": 0.8,
    }
    options |= {"metric": "ndcg", "eval_at": [10]}
    data = _dataset(lightgbm, features, labels, numbers, fitted)
    extra: dict[str, Any] = {}
    if aside.any():
        judged = _dataset(lightgbm, features, labels, numbers, aside & hits[numbers], reference=data)
        stopping = lightgbm.early_stopping(PATIENCE, verbose=False)
        extra = {"valid_sets": [judged], "callbacks": [stopping]}
    booster = lightgbm.train(options, data, num_boost_round=rounds, **extra)
    kept = aside if aside.any() else np.ones(len(labels), dtype=bool)
    scores = _scores(booster, features[kept])
    return Ranker(booster, _calibrate(labels[kept], scores, _kinds(lengths[kept])))


def _dataset(
    lightgbm: Any, features: np.ndarray, labels: np.ndarray, numbers: np.ndarray, kept: np.ndarray, **options: Any
) -> Any:
    groups = np.bincount(numbers[kept])
    start = features[kept, 0].astype(np.float64)
    return lightgbm.Dataset(features[kept], labels[kept], group=groups[groups > 0], init_score=start, **options)


def _scores(booster: Any, features: np.ndarray) -> np.ndarray:
    return features[:, 0] + booster.predict(features)


def _calibrate(labels: np.ndarray, scores: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    everyone = fit_platt(labels, scores)
    table = np.array([everyone] * len(TEMPERATURES), dtype=np.float64)
    for kind in range(len(TEMPERATURES)):
        part = kinds == kind
        if labels[part].sum() >= 20:  # fewer hits than that calibrate nothing
            table[kind] = fit_platt(labels[part], scores[part])
    table[:, 0] = np.maximum(table[:, 0], LEAST_SCALE)
    return table


def _kinds(lengths: np.ndarray) -> np.ndarray:
    names = temperature_of(lengths)
    return np.select([names == name for name in TEMPERATURES], range(len(TEMPERATURES)))
