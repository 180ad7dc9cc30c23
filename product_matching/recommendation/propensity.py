"""Against the pull of popularity: events of what everybody is shown count less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from product_matching.errors import ConfigError
from product_matching.recommendation.interactions import Interactions


def propensities(counts: np.ndarray, *, power: float = 0.5) -> np.ndarray:
    """The chance of a product to be seen, as a power law of its events (Yang et al., 2018).

    `(count / largest count)^power`, float64 [P], above 0 to 1; a product without events is taken to have one.
    """
    if not 0 <= power <= 1:
        raise ConfigError(f"power must be between 0 and 1; got {power}.")
    shown = np.maximum(np.asarray(counts, dtype=np.float64), 1)
    return (shown / shown.max()) ** power


def debiased(interactions: Interactions, *, power: float = 0.5, clip: float = 10.0) -> Interactions:
    """Multiplies the weight of each event by its inverse propensity, scaled to a mean weight as before.

    Recommenders that read weights (item-kNN, ALS, popularity, content) then learn as if products had been shown more
    evenly.

    Args:
        interactions: The events.
        power: Of `propensities`; 0 changes nothing.
        clip: The largest weight, times the mean: few events of rare products must not outweigh all others.
    """
    if not clip >= 1:
        raise ConfigError(f"clip must be 1 or more; got {clip}.")
    inverse = 1 / propensities(interactions.product_counts(), power=power)[interactions.product]
    inverse = np.minimum(inverse / inverse.mean(), clip)
    weights = interactions.weight * inverse
    scaled = weights * (interactions.weight.mean() / weights.mean())
    return replace(interactions, weight=scaled.astype(np.float32))


def ips_mean(values: np.ndarray, propensity: np.ndarray) -> float:
    """Self-normalised mean of values [B], each weighted by one over the propensity of what it is about [B].

    With hits as values, the accuracy that would be found if all products were shown alike (Swaminathan and Joachims,
    2015).
    """
    weights = 1 / np.asarray(propensity, dtype=np.float64)
    return float((weights * values).sum() / weights.sum())
