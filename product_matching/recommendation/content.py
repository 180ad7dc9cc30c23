"""Content profiles: what a user took, as vectors of products; nothing is learnt, so new products need no events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from product_matching._vectors import unit
from product_matching.errors import ConfigError, unknown_name
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.recommender import Recommender

PROFILES = ("mean", "decayed", "attentive")
WITHOUT_VECTOR = -1.0  # the lowest cosine: what cannot be compared stands last


@dataclass(eq=False)
class Content(Recommender):
    """Ranks products by their likeness to a profile of the user, -1 to 1.

        mean       cos(Σ_i v_i, v_j) over the i in the history, v of length 1
        decayed    the same, each i weighted by decay^(steps back from the latest event)
        attentive  Σ_i a_ij cos(v_i, v_j), a_ij = softmax over i of sharpness · cos(v_i, v_j): each product is
                   compared with what is most like it in the history, so that two tastes do not blur into one

    Args:
        profile: Which of these.
        decay: Of `decayed`.
        sharpness: Of `attentive`; 0 is the plain mean of cosines.
        longest: Latest events that are looked at.
    """

    profile: Literal["mean", "decayed", "attentive"] = "decayed"
    decay: float = 0.7
    sharpness: float = 10.0
    longest: int = 50
    needs_vectors: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ConfigError(unknown_name("profile", self.profile, PROFILES))

    def _fit(self) -> None:
        """Nothing is learnt."""

    def _score(self, histories: Histories) -> np.ndarray:
        vectors, recent = self.products.directions, histories.last(self.longest)
        if self.profile == "attentive":
            scores = self._attend(recent, vectors)
        else:
            rate = 1.0 if self.profile == "mean" else self.decay
            scores = unit(_sums(recent, vectors, recent.weights * rate**recent.steps_back)) @ vectors.T
        scores[:, ~vectors.any(axis=1)] = WITHOUT_VECTOR
        return scores

    def _similar(self, positions: np.ndarray) -> np.ndarray:
        vectors = self.products.directions
        return vectors[positions] @ vectors.T

    def _attend(self, recent: Histories, vectors: np.ndarray) -> np.ndarray:
        scores = np.zeros((len(recent), len(vectors)), dtype=np.float32)
        for row in range(len(recent)):
            taken = recent.products[recent.offsets[row] : recent.offsets[row + 1]]
            if len(taken):
                cosines = vectors[taken] @ vectors.T
                weights = np.exp(np.float32(self.sharpness) * (cosines - cosines.max(axis=0)))
                scores[row] = np.einsum("ij,ij->j", weights, cosines) / weights.sum(axis=0)
        return scores


def _sums(histories: Histories, vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Σ weight · vector over the events of each: float32 [B, D]."""
    sums = np.zeros((len(histories), vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, histories.rows, vectors[histories.products] * weights[:, None].astype(np.float32))
    return sums
