"""Whether one system is better than another on the same questions, or only luckier."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from product_matching.errors import DataError
from product_matching.metrics.bootstrap import bootstrap_interval
from product_matching.metrics.checks import finite_vector

RESAMPLES, BATCH_CELLS = 9_999, 4_000_000


class Paired(NamedTuple):
    """The difference of two means over the same questions.

    Attributes:
        difference: Mean of a - b.
        interval: Of it, by paired bootstrap.
        p: Two-sided, by exchanging a and b at random within questions; 1.0 where they differ once or never.
        differing: How many questions they answer differently.
    """

    difference: float
    interval: tuple[float, float]
    p: float
    differing: int


def paired_difference(a: ArrayLike, b: ArrayLike, *, seed: int = 0, level: float = 0.95) -> Paired:
    """Compares two systems question by question (Smucker, Allan and Carterette, 2007).

    Args:
        a, b: float [N], what each earned for the same questions, in the same order.
        seed: Of the resamples.
        level: Of the interval.

    Raises:
        DataError: If the arrays are empty, differ in length, or hold nan.
    """
    ours, theirs = finite_vector("a", a), finite_vector("b", b)
    if ours.shape != theirs.shape:
        raise DataError(f"a and b must answer the same questions: they have {ours.size} and {theirs.size}.")
    apart = ours - theirs
    # Questions without a difference add nothing to any exchange.
    moved = apart[apart != 0]
    # One difference alone, exchanged, is as far: p is 1.
    p = _permutation(moved, seed) if moved.size > 1 else 1.0
    return Paired(float(apart.mean()), bootstrap_interval(apart, seed=seed, level=level), p, int(moved.size))


def holm(p_values: ArrayLike) -> np.ndarray:
    """Corrects p-values for their number by Holm's step-down procedure (1979): float64 [M], in the given order.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = finite_vector("p_values", p_values)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1)).clip(max=1.0)
    corrected = np.empty_like(stepped)
    corrected[order] = stepped
    return corrected


def _permutation(moved: np.ndarray, seed: int) -> float:
    outcome = stats.permutation_test(
        (moved, np.zeros_like(moved)),
        lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, BATCH_CELLS // moved.size),
        rng=np.random.default_rng(seed),
    )
    return float(outcome.pvalue)
