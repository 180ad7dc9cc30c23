"""The sigmoid match loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor


@keras.saving.register_keras_serializable("product_matching")
class SigmoidMatchLoss(keras.losses.Loss):
    """L = -1/B Σ_i Σ_j |z_ij| log σ(sign(z_ij) · score_ij), over all pairs of a batch.

    Zhai et al. 2023, "Sigmoid loss for language image pre-training" (arXiv:2303.15343). Each pair is a question of its
    own, so the loss needs no normalisation over the batch and works for a batch of one. Pairs that count more or less
    (graded relevance, clicks) have a larger or smaller |z|.

    Example:
        >>> z = np.array([[1, -1], [-1, 1]], "float32")
        >>> round(float(SigmoidMatchLoss()(z, np.zeros((2, 2), "float32"))), 4)      # 2 · log 2
        1.3863
    """

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "sigmoid_match_loss", **kwargs: Any) -> None:
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each row.

        Args:
            y_true: z [B, C]: above 0 a matching pair, below 0 not a match, 0 left out; its size is the pair's weight.
            y_pred: score [B, C].

        Returns:
            [B].
        """
        z = ops.cast(y_true, y_pred.dtype)
        # -log σ(x) = softplus(-x), finite for any finite x.
        return ops.sum(ops.abs(z) * ops.softplus(-ops.sign(z) * y_pred), axis=-1)
