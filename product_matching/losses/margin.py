"""Losses over cosines with a margin."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor
from product_matching.errors import ConfigError
from product_matching.losses.weights import FAR, negative_weights, positive_weights, weighted_mean


@keras.saving.register_keras_serializable("product_matching")
class CosineEmbeddingLoss(keras.losses.Loss):
    """L_i = mean over matches of (1 - c_ij) + mean over the others of max(0, c_ij - margin).

    The cosine-embedding loss of PyTorch over all pairs of a batch, matches and others of a row with equal shares. It
    takes cosines, not scores: `takes_cosine` tells the model. t and b of the score do not learn from it; calibration
    sets the probabilities.

    Args:
        margin: Cosine above which a pair that does not match costs, -1 to 1.
    """

    takes_cosine = True

    def __init__(
        self,
        margin: float = 0.2,
        reduction: str = "sum_over_batch_size",
        name: str = "cosine_embedding_loss",
        **kwargs: Any,
    ) -> None:
        if not -1 <= margin <= 1:
            raise ConfigError(f"The margin of a cosine takes -1 to 1; got {margin:g}.")
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.margin = margin

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each row, [B], of z [B, C] (see `SigmoidMatchLoss`) and cosines [B, C]."""
        z = ops.cast(y_true, y_pred.dtype)
        matches = weighted_mean(1 - y_pred, positive_weights(z))
        return matches + weighted_mean(ops.relu(y_pred - self.margin), negative_weights(z))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("product_matching")
class TripletLoss(keras.losses.Loss):
    """L_i = mean over matches j of max(0, margin - c_ij + c_ik), with a semi-hard k.

    k is the nearest of the row's non-matches that is farther than the match, so that a step pushes where the order is
    right but the gap too small; if there is none, the farthest non-match (Schroff et al. 2015, "FaceNet",
    arXiv:1503.03832). Takes cosines, as `CosineEmbeddingLoss` does.

    Args:
        margin: Wanted gap between the cosines of a match and a non-match, 0 to 2.
    """

    takes_cosine = True

    def __init__(
        self,
        margin: float = 0.3,
        reduction: str = "sum_over_batch_size",
        name: str = "triplet_loss",
        **kwargs: Any,
    ) -> None:
        if not 0 <= margin <= 2:
            raise ConfigError(f"The margin between two cosines takes 0 to 2; got {margin:g}.")
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.margin = margin

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each row, [B], of z [B, C] (see `SigmoidMatchLoss`) and cosines [B, C]."""
        z = ops.cast(y_true, y_pred.dtype)
        negative = z < 0
        chosen = _semi_hard(y_pred, negative)
        cost = ops.relu(self.margin - y_pred + chosen)
        has_negative = ops.cast(ops.any(negative, axis=-1), z.dtype)
        return has_negative * weighted_mean(cost, positive_weights(z))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin}


def _semi_hard(cosines: Tensor, negative: Tensor) -> Tensor:
    """For each pair (i, j), the cosine of the negative k of row i that is semi-hard to it: [B, C].

    By sorting each row: a tensor of all triplets, [B, C, C], would not fit for large batches.
    """
    # Argsort is stable, so of equal cosines those of negatives stand last, and are not counted as farther.
    negatives_last = ops.argsort(ops.cast(negative, "int32"), axis=-1)
    by_cosine = ops.argsort(ops.take_along_axis(cosines, negatives_last, axis=-1), axis=-1)
    order = ops.take_along_axis(negatives_last, by_cosine, axis=-1)
    so_far = ops.cumsum(ops.cast(ops.take_along_axis(negative, order, axis=-1), "int32"), axis=-1)
    farther = ops.take_along_axis(so_far, ops.argsort(order, axis=-1), axis=-1)
    ordered = ops.sort(ops.where(negative, cosines, ops.full_like(cosines, FAR)), axis=-1)
    nearest = ops.take_along_axis(ordered, ops.maximum(farther - 1, 0), axis=-1)
    return ops.where(farther > 0, nearest, ordered[:, :1])
