"""Checks of the arrays every metric gets: a wrong one fails by its name and never gives a number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import DataError


def finite_vector(name: str, values: ArrayLike) -> np.ndarray:
    """Returns `values` as float64 `[N]`, N >= 1.

    Raises:
        DataError: If the array is empty, is not one-dimensional, or holds nan or an infinity.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise DataError(f"{name} must be a non-empty array of one dimension; its shape is {array.shape}.")
    _refuse_non_finite(name, array)
    return array


def finite_matrix(name: str, values: ArrayLike) -> np.ndarray:
    """Returns `values` as float32 `[N, D]`, N and D >= 1.

    Raises:
        DataError: If the array is empty, is not two-dimensional, or holds nan or an infinity.
    """
    array = np.asarray(values, dtype=np.float32)
    if array.ndim != 2 or array.size == 0:
        raise DataError(f"{name} must be a non-empty array of two dimensions; its shape is {array.shape}.")
    _refuse_non_finite(name, array)
    return array


def labelled_scores(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels as bool `[N]` and scores as float64 `[N]`.

    Raises:
        DataError: If the lengths differ, a label is neither 0 nor 1, or either array is unusable.
    """
    numbers, values = finite_vector("labels", labels), finite_vector("scores", scores)
    if numbers.shape != values.shape:
        raise DataError(f"labels and scores must be as long as each other: {numbers.size} and {values.size}.")
    wrong = numbers[(numbers != 0) & (numbers != 1)]
    if wrong.size:
        raise DataError(f"labels must be 0 or 1; one of them is {wrong[0]:g}.")
    return numbers == 1, values


def _refuse_non_finite(name: str, array: np.ndarray) -> None:
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = tuple(int(axis) for axis in bad[0])
        raise DataError(f"{name} must be finite; {name}{list(place)} is {array[place]}.")
