"""Contextual bandits over candidates: show what pays, and now and then what might."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from product_matching.errors import ConfigError, unknown_name

POLICIES = ("ucb", "thompson", "greedy", "random")


@dataclass
class LinearBandit:
    """Expects the reward x · θ of a candidate with the context x, and learns θ by ridge regression from what was shown.

        ucb       max x · θ + width · sqrt(x' A⁻¹ x)         LinUCB (Li et al., 2010)
        thompson  max x · θ', θ' ~ N(θ, width² A⁻¹)          (Agrawal and Goyal, 2013)
        greedy    max x · θ                                  never explores on purpose
        random    any                                        learns most and earns nothing by it

    with A = ridge · I + Σ x x' and θ = A⁻¹ Σ reward · x.

    Args:
        dim: Numbers of a context.
        policy: Which of these.
        width: How much uncertainty is worth.
        ridge: Above 0.
        seed: Of draws and of ties.
    """

    dim: int
    policy: Literal["ucb", "thompson", "greedy", "random"] = "thompson"
    width: float = 0.3
    ridge: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ConfigError(unknown_name("policy", self.policy, POLICIES))
        if self.dim < 1 or not self.ridge > 0 or self.width < 0:
            raise ConfigError(f"dim and ridge must be above 0 and width not below; got {self}.")
        self.inverse = np.eye(self.dim) / self.ridge
        self.rewards = np.zeros(self.dim)
        self.random = np.random.default_rng(self.seed)

    @property
    def theta(self) -> np.ndarray:
        """The present estimate of θ: float64 [dim]."""
        return self.inverse @ self.rewards

    def choose(self, contexts: np.ndarray) -> int:
        """The place of the candidate to show, of contexts float [C, dim]."""
        return int(self.order(contexts)[0])

    def order(self, contexts: np.ndarray) -> np.ndarray:
        """Places of all candidates, int64 [C], what to show first at the front."""
        values = self._values(np.asarray(contexts, dtype=np.float64))
        # Equal values, as all are at the start, go in random order.
        return np.lexsort((self.random.random(len(values)), -values))

    def learn(self, context: np.ndarray, reward: float) -> None:
        """Takes in what came of showing a candidate with this context [dim]."""
        x = np.asarray(context, dtype=np.float64)
        direction = self.inverse @ x
        self.inverse -= np.outer(direction, direction) / (1 + x @ direction)  # Sherman and Morrison
        self.rewards += reward * x

    def _values(self, contexts: np.ndarray) -> np.ndarray:
        if self.policy == "random":
            return self.random.random(len(contexts))
        theta = self.theta
        if self.policy == "thompson":
            theta = self.random.multivariate_normal(theta, self.width**2 * self.inverse, method="cholesky")
        values = contexts @ theta
        if self.policy == "ucb":
            spread = np.einsum("cd,de,ce->c", contexts, self.inverse, contexts)
            values = values + self.width * np.sqrt(np.maximum(spread, 0))
        return values
