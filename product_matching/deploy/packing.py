"""Weights of a smaller type: rounded once, and kept so that everything that reads them gets the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import keras
import numpy as np
from numpy.typing import NDArray

from product_matching._types import FloatArray
from product_matching.errors import ConfigError, unknown_name

WeightType = Literal["float32", "float16", "int8"]
SMALLEST, SHARING = 256, 16
"""Elements of a weight from which rounding is worth a line in the graph, and those that share a scale at least."""
DIGITS = 4
"""Bits of a scale: with the seven of an int8 they make eleven, as many as a float16 has, so that no rounding is left
when a rounded weight is kept as a float16."""
FINEST = 2.0**-21
"""A scale of four bits from which its last bit is no smaller than the smallest float16, 2^-24."""


@dataclass(frozen=True)
class Packed:
    """A rounded weight, `values · scales`.

    Attributes:
        values: float16 or int8, of the weight's shape.
        scales: float32, for each index along one axis and 1 along the others; None: all 1.
    """

    values: NDArray
    scales: FloatArray | None = None

    def unpacked(self) -> FloatArray:
        """The rounded weight."""
        values = self.values.astype(np.float32)
        return values if self.scales is None else values * self.scales


def pack_weights(model: keras.Model, kind: WeightType) -> dict[int, Packed]:
    """Rounds the weights of a model, by their place in `model.weights`.

    Left as they are: vectors and single numbers (biases, norms, statistics, temperature and calibration), which weigh
    little and matter much, and what a type cannot hold.

    Args:
        model: Any model.
        kind: `"float32"` rounds nothing. `"float16"` keeps 11 bits of each weight. `"int8"` keeps 256 steps between a
            largest value and its negative, for each index along one axis of a weight (a channel, a row of a table).

    Raises:
        ConfigError: If the kind is unknown.
    """
    if kind not in get_args(WeightType):
        raise ConfigError(unknown_name("type of weights", kind, get_args(WeightType)))
    if kind == "float32":
        return {}
    pack = to_float16 if kind == "float16" else to_int8
    found = {
        place: pack(keras.ops.convert_to_numpy(weight))
        for place, weight in enumerate(model.weights)
        if len(weight.shape) > 1 and weight.dtype == "float32" and np.prod(weight.shape) >= SMALLEST
    }
    return {place: packed for place, packed in found.items() if packed is not None}


def to_float16(weight: FloatArray) -> Packed | None:
    """A weight in half precision; None where a value is beyond its range."""
    if not np.abs(weight).max() <= np.finfo(np.float16).max:
        return None
    return Packed(weight.astype(np.float16))


def to_int8(weight: FloatArray) -> Packed | None:
    """A weight in eight bits, with scales along the axis that leaves the smallest squared error.

    Symmetric and per channel, as of Jacob et al. 2018, "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference" (arXiv:1712.05877); None where a scale would be out of a float16's range.
    """
    if not np.isfinite(weight).all():
        return None
    # A scale of its own for one number or two would save nothing.
    axes = [axis for axis, length in enumerate(weight.shape) if weight.size >= SHARING * length]
    ways = [_along(weight, axis) for axis in axes or [int(np.argmin(weight.shape))]]
    best = min(ways, key=lambda packed: float(np.square(weight - packed.unpacked()).sum()))
    used = best.scales[best.scales != 1]
    if used.size and (used.min() < FINEST or used.max() * 127 > np.finfo(np.float16).max):
        return None
    return best


def _along(weight: FloatArray, axis: int) -> Packed:
    others = tuple(other for other in range(weight.ndim) if other != axis)
    mantissas, exponents = np.frexp(np.abs(weight).max(axis=others, keepdims=True) / 127)
    # Rounded up: nothing is cut off at 127.
    scales = np.ldexp(np.ceil(mantissas * 2**DIGITS) / 2**DIGITS, exponents).astype(np.float32)
    scales[scales == 0] = 1
    return Packed(np.round(weight / scales).astype(np.int8), scales)


@contextmanager
def rounded(model: keras.Model, packed: dict[int, Packed]) -> Iterator[None]:
    """Gives a model its rounded weights for a while."""
    weights = {place: model.weights[place] for place in packed}
    before = {place: keras.ops.convert_to_numpy(weight).copy() for place, weight in weights.items()}
    try:
        for place, weight in weights.items():
            weight.assign(packed[place].unpacked())
        yield
    finally:
        for place, weight in weights.items():
            weight.assign(before[place])
