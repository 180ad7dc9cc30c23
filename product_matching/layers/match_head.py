"""From two vectors to a score and a probability."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from product_matching._types import FloatArray, Tensor
from product_matching.layers.reach import Reach


@keras.saving.register_keras_serializable("product_matching")
class MatchHead(keras.layers.Layer):
    """score = t · ⟨R_i, R_j⟩ + b and match = σ(a · (score - t · ½ (reach_i + reach_j)) + c).

    t = exp(log_temperature) and b are learned with the towers (Zhai et al. 2023, "Sigmoid loss for language image
    pre-training"). a and c calibrate: training sees one match among B pairs, a shop asks about single pairs. They start
    at 1 and -b, as if matches were as frequent as others, and are fitted on validation pairs after training, together
    with the threshold: the probability from which a pair counts as a match. `Reach` tells vague vectors from detailed
    ones; without references it is 0.

    Args:
        temperature: Start of t.
        bias: Start of b; -log(B - 1) makes the first batch's match probability 1/B.
        references: Vectors of each bank of `Reach`; 0: none.
        dim: Width of the vectors, where there are references.
        knots: Points of an isotonic curve that calibrates in place of a and c; 0: none.

    Example:
        >>> head = MatchHead()
        >>> head(np.eye(3, dtype="float32"), np.eye(3, dtype="float32")).shape
        (3,)
    """

    def __init__(
        self,
        *,
        temperature: float = 10.0,
        bias: float = -10.0,
        references: int = 0,
        dim: int = 0,
        knots: int = 0,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("dtype", "float32")  # scores of half precision would round the probabilities away
        super().__init__(**kwargs)
        self.temperature = temperature
        self.bias = bias
        start = keras.initializers.Constant(math.log(temperature))
        self.log_temperature = self.add_weight(shape=(), initializer=start, name="log_temperature")
        self.score_bias = self.add_weight(shape=(), initializer=keras.initializers.Constant(bias), name="bias")
        self.calibration = self.add_weight(shape=(3,), initializer=self._even, trainable=False, name="calibration")
        self.reach = Reach(references, dim, name="reach") if references else None
        self.curve = (
            self.add_weight(shape=(2, knots), initializer="zeros", trainable=False, name="curve") if knots else None
        )
        self._references = {"references": references, "dim": dim, "knots": knots}
        self.built = True

    def call(self, left: Tensor, right: Tensor) -> Tensor:
        """Scores pair by pair: [B, D], [B, D] to [B]."""
        return self._affine(ops.sum(left * right, axis=-1))

    def matrix(self, left: Tensor, right: Tensor) -> Tensor:
        """Scores each with each: [B, D], [C, D] to [B, C]."""
        return self._affine(ops.matmul(left, ops.transpose(right)))

    def probability(self, score: Tensor, left: Tensor | None = None, right: Tensor | None = None) -> Tensor:
        """The calibrated probability that a pair of this score matches.

        Args:
            score: [B].
            left, right: The vectors, [B, D]; for those that are not at hand the typical reach stands in.
        """
        scale, offset = self.calibration[0], self.calibration[1]
        if self.reach is not None:
            reaches = [self.reach.typical if side is None else self.reach(side) for side in (left, right)]
            score = score - ops.exp(self.log_temperature) * 0.5 * (reaches[0] + reaches[1])
        by_two_numbers = ops.sigmoid(scale * score + offset)
        if self.curve is None:
            return by_two_numbers
        # Before a curve is fitted all its scores are 0, and a and c count.
        fitted = ops.any(ops.not_equal(self.curve[0], 0.0))
        return ops.where(fitted, _on_curve(score, self.curve[0], self.curve[1]), by_two_numbers)

    def calibrate(self, scale: float, offset: float, threshold: float) -> None:
        """Sets a, c and the threshold."""
        self.calibration.assign([scale, offset, threshold])

    def calibrate_curve(self, scores: FloatArray, probabilities: FloatArray) -> None:
        """Takes an isotonic curve: scores, ascending, and the probabilities at them, float [T].

        Kept are the ends of its level stretches, or as many of them as there are knots.
        """
        rises = np.diff(probabilities) > 0
        corners = np.flatnonzero(np.append(True, rises) | np.append(rises, True))
        kept = corners[np.round(np.linspace(0, len(corners) - 1, self.curve.shape[1])).astype(int)]
        self.curve.assign(np.stack([scores[kept], probabilities[kept]]))

    def curve_points(self) -> dict[str, list[float]]:
        """The curve as `scores` and `probabilities`; `{}` where there is none."""
        points = np.zeros((2, 0)) if self.curve is None else ops.convert_to_numpy(self.curve)
        return dict(zip(("scores", "probabilities"), points.tolist(), strict=True)) if points.any() else {}

    def parameters(self) -> dict[str, float]:
        """t, b, a, c and the threshold, as plain numbers."""
        scale, offset, threshold = (float(value) for value in ops.convert_to_numpy(self.calibration))
        return {
            "temperature": math.exp(float(ops.convert_to_numpy(self.log_temperature))),
            "bias": float(ops.convert_to_numpy(self.score_bias)),
            "scale": scale,
            "offset": offset,
            "threshold": threshold,
            "typical_reach": float(ops.convert_to_numpy(self.reach.typical)) if self.reach else 0.0,
        }

    def _affine(self, inner: Tensor) -> Tensor:
        return ops.exp(self.log_temperature) * ops.cast(inner, "float32") + self.score_bias

    def _even(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        return ops.convert_to_tensor([1.0, -self.bias, 0.5], dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature, "bias": self.bias, **self._references}


def _on_curve(values: Tensor, at: Tensor, heights: Tensor) -> Tensor:
    """Straight between the points, level beyond them, as `numpy.interp`: values [B], at and
    heights [T] to [B].
    """
    steps = at[1:] - at[:-1]
    # How far along each step a value stands, 0 to 1; a step without width is passed at once, or not at all.
    passed = ops.expand_dims(values, -1) - at[:-1]
    along = ops.clip(passed / ops.maximum(steps, 1e-12), 0.0, 1.0)
    return heights[0] + ops.sum(along * (heights[1:] - heights[:-1]), axis=-1)
