"""Ridge regression with a penalty that it finds itself, and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from product_matching._types import FloatArray, IntArray

STRENGTHS = np.logspace(-4, 1, 21)
"""Penalties that are tried, as shares of the mean eigenvalue of the inputs."""
MOST_LEFT_OUT = 64
CHUNK = 4096
WHITENING = 0.25
"""0 leaves axes of texts as they are, at 0.5 all weigh alike. The first weigh more than they tell texts apart, the last
are noise."""


def ridge(inputs: FloatArray, wanted: FloatArray, groups: IntArray) -> tuple[FloatArray, float]:
    """Ridge regression whose penalty is the best at telling each group of rows from all others (PRESS, Allen 1974).

    Generalised cross-validation, and leaving out one row at a time, find that hardly any penalty is wanted where rows
    have twins.

    Args:
        inputs: [N, c], centred.
        wanted: [N, d], centred.
        groups: int [N]; rows of one number are left out together, of large groups some at a time.

    Returns:
        The kernel, float64 [c, d], and the penalty as a share of the mean eigenvalue.
    """
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    values = np.maximum(values, 0.0)
    along = vectors.T @ (inputs.T @ wanted)
    kept = 1 / (values + (STRENGTHS * values.mean())[:, None])
    errors = np.zeros(len(STRENGTHS))
    for rows in _left_out(groups):
        turned = inputs[rows] @ vectors
        for at, each in enumerate(kept):
            # What the rows of a group tell of each other, through the mean, too.
            own = (turned * each) @ turned.swapaxes(1, 2) + 1 / len(inputs)
            left = wanted[rows] - turned @ (each[:, None] * along)
            without = np.linalg.solve((1 + 1e-9) * np.eye(rows.shape[1]) - own, left)
            errors[at] += float((without**2).sum())
    best = int(np.argmin(errors))
    return vectors @ (kept[best][:, None] * along), float(STRENGTHS[best])


def _left_out(groups: IntArray) -> Iterator[IntArray]:
    """Rows of groups of one size, int [groups, size], not too many at a time."""
    order = np.argsort(groups, kind="stable")
    whole = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    parts = [part for rows in whole for part in np.array_split(rows, -(-len(rows) // MOST_LEFT_OUT))]
    for size in sorted({len(part) for part in parts}):
        alike = np.stack([part for part in parts if len(part) == size])
        yield from np.array_split(alike, -(-alike.size // CHUNK))


def principal_axes(texts: FloatArray, count: int) -> FloatArray:
    """The principal axes of centred texts [N, c], each shorter by a power of how much they differ along it: [c, count].

    Few texts seem not to differ at all along most axes, where others will: spreads are drawn to their mean, the more
    the fewer texts there are (Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance
    matrices", doi:10.1016/S0047-259X(03)00096-4).
    """
    spread, axes = np.linalg.eigh(texts.T @ texts / len(texts))
    mean = spread.mean()
    error = (((texts**2).sum(axis=1) ** 2).mean() - (spread**2).sum()) / len(texts)
    drawn = min(error / max(((spread - mean) ** 2).sum(), 1e-30), 1.0)
    spread, axes = spread[::-1][:count], axes[:, ::-1][:, :count]
    spread = (1 - drawn) * spread + drawn * mean
    return axes * np.maximum(spread, 1e-9 * mean + 1e-30) ** -WHITENING


def centred(inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Without their mean, and the mean."""
    mean = inputs.mean(axis=0)
    return inputs - mean, mean


def low_rank(rows: FloatArray, width: int) -> tuple[FloatArray, FloatArray]:
    """Rows [n, D] as a product of [n, width] and [width, D], the nearest there is of rank width - 1.

    The first factor's rows have mean 0, which a layer normalisation of them so leaves alone.
    """
    left, lengths, right = np.linalg.svd(rows, full_matrices=False)
    count = min(width - 1, len(lengths))
    first_ones = np.eye(width)
    first_ones[:, 0] = 1.0
    others = np.linalg.qr(first_ones)[0][:, 1 : count + 1]
    return (left[:, :count] * lengths[:count]) @ others.T, others @ right[:count]
