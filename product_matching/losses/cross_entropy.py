"""Cross-entropies over a score matrix: each pair a question of its own, or each row a choice among its columns."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor
from product_matching.errors import ConfigError
from product_matching.losses.weights import FAR, negative_weights, positive_weights, weighted_mean


@keras.saving.register_keras_serializable("product_matching")
class BinaryMatchLoss(keras.losses.Loss):
    """L_i = ½ mean over matches of -log σ(s_ij) + ½ mean over the others of -log σ(-s_ij).

    The binary cross-entropy of a match or tag head, balanced: a row's one match weighs as much as all that do not
    match, however large the batch. (The sigmoid match loss sums instead, and leaves the balance to its bias.)
    """

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "binary_match_loss", **kwargs: Any) -> None:
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each row, [B], of z [B, C] (see `SigmoidMatchLoss`) and scores [B, C]."""
        z = ops.cast(y_true, y_pred.dtype)
        matches = weighted_mean(ops.softplus(-y_pred), positive_weights(z))
        others = weighted_mean(ops.softplus(y_pred), negative_weights(z))
        return 0.5 * (matches + others)


@keras.saving.register_keras_serializable("product_matching")
class CategoricalMatchLoss(keras.losses.Loss):
    """L_i = -Σ_j q_ij log softmax_j(s_ij), the cross-entropy of choosing a row's match among its columns.

    q_i is spread over the matches of row i by their weights; with label smoothing ε, a share ε of it is spread evenly
    over all its columns that are not left out (Szegedy et al. 2016, arXiv:1512.00567). A row without a match costs
    nothing.

    Args:
        label_smoothing: ε, 0 up to 1.
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str = "categorical_match_loss",
        **kwargs: Any,
    ) -> None:
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f"label_smoothing takes 0 up to 1 (1 itself teaches nothing); got {label_smoothing:g}.")
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each row, [B], of z [B, C] (see `SigmoidMatchLoss`) and scores [B, C]."""
        z = ops.cast(y_true, y_pred.dtype)
        return ops.sum(self._targets(z) * _surprise(z, y_pred), axis=-1)

    def _targets(self, z: Tensor) -> Tensor:
        """Q [B, C]: rows sum to 1, or to 0 where nothing matches."""
        matches, kept = positive_weights(z), ops.cast(z != 0, z.dtype)
        matching = ops.sum(matches, axis=-1, keepdims=True)
        some = ops.cast(matching > 0, z.dtype)
        smooth = kept / ops.maximum(ops.sum(kept, axis=-1, keepdims=True), 1.0)
        sharp = matches / ops.where(matching > 0, matching, ops.ones_like(matching))
        return some * ((1 - self.label_smoothing) * sharp + self.label_smoothing * smooth)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("product_matching")
class InfoNCELoss(CategoricalMatchLoss):
    """The categorical match loss in both directions: a row's match among the columns, a column's among the rows.

    L_i = -½ Σ_j q_ij (log softmax_j(s_ij) + log softmax_i(s_ij)); with one match a row, the diagonal, its mean is that
    of CLIP. van den Oord et al. 2018 (arXiv:1807.03748); Radford et al. 2021 (arXiv:2103.00020). Weights above one give
    the generalised contrastive learning of Zhu et al. 2024 (arXiv:2404.08535).
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "info_nce_loss", **kwargs: Any) -> None:
        super().__init__(label_smoothing=label_smoothing, name=name, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each row, [B], of z [B, C] (see `SigmoidMatchLoss`) and scores [B, C]."""
        z = ops.cast(y_true, y_pred.dtype)
        across = _surprise(z, y_pred)
        down = ops.transpose(_surprise(ops.transpose(z), ops.transpose(y_pred)))
        return ops.sum(self._targets(z) * 0.5 * (across + down), axis=-1)


def _surprise(z: Tensor, scores: Tensor) -> Tensor:
    """-log softmax over each row's pairs that are not left out, [B, C]; 0 for those that are."""
    kept = z != 0
    # Left-out scores go far below the row's largest, so that they add exactly nothing to its sum.
    shown = ops.where(kept, scores, ops.full_like(scores, -FAR))
    return ops.where(kept, -ops.log_softmax(shown, axis=-1), ops.zeros_like(scores))


def correct_for_sampling(scores: Tensor, log_q: Tensor, *, axis: int = 1) -> Tensor:
    """s_ij - log q_j: takes from each column's score how often it is drawn, [B, C]; with axis 0, from each row's.

    Where products come into batches as often as they sell, popular ones are everybody's negatives and a softmax learns
    to score them too low (Yi et al. 2019, "Sampling-bias-corrected neural modeling", RecSys).

    Args:
        scores: [B, C].
        log_q: [C], natural logarithm of how often the column's product is drawn; a factor common to all is no matter.
        axis: 1: of columns; 0: of rows, [B].
    """
    return scores - ops.expand_dims(ops.cast(log_q, scores.dtype), 1 - axis)
