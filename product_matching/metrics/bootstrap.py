"""How far a mean over queries can be trusted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import ConfigError
from product_matching.metrics.checks import finite_vector

FEW = 20
"""Values a distinct one stands for, on average, from which drawing how often each comes is cheaper."""


def bootstrap_interval(
    values: ArrayLike, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean (Efron and Tibshirani, 1993, chapter 13).

    Resample what is independent: the queries. The pairs of a query are not.

    Args:
        values: `[N]`, one finite value a query, for example a reciprocal rank.
        seed: Of the random resamples; the same seed gives the same interval.
        resamples: How many samples of N, with replacement.
        level: Share of the resampled means inside the interval, above 0 and below 1.

    Returns:
        The lower and the upper end.

    Raises:
        ConfigError: If `resamples` or `level` is out of its range.
        DataError: If `values` is empty or holds nan.
    """
    if resamples < 1 or not 0 < level < 1:
        raise ConfigError(f"resamples must be 1 or more and level between 0 and 1; they are {resamples} and {level}.")
    array, generator = finite_vector("values", values), np.random.default_rng(seed)
    means = _resampled_means(array, generator, resamples)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled_means(array: np.ndarray, generator: np.random.Generator, resamples: int) -> np.ndarray:
    values, counts = np.unique(array, return_counts=True)
    if FEW * len(values) <= array.size:
        # How often each distinct value is drawn is multinomial: hits or ranks need no draw for every query.
        return generator.multinomial(array.size, counts / array.size, size=resamples) @ values / array.size
    means = np.empty(resamples)
    for index in range(resamples):  # one resample at a time: a table of all of them would be resamples x N
        means[index] = array[generator.integers(array.size, size=array.size, dtype=np.uint32)].mean()
    return means
