"""The numpy metrics as Keras metrics, summed up batch by batch: for `compile(metrics=…)` and training loops."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor


@keras.saving.register_keras_serializable("product_matching")
class MatchAccuracy(keras.metrics.Mean):
    """Share of the pairs that a threshold decides rightly: the accuracy of `match_metrics` over all batches.

    Args:
        threshold: A pair is called a match from this score on.

    Example:
        >>> metric = MatchAccuracy(threshold=0.5)
        >>> metric.update_state([1, 0], [0.9, 0.8])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, threshold: float = 0.5, name: str = "match_accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.threshold = threshold

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Adds pairs: labels and scores of one shape; a label above 0 is a match."""
        scores = ops.convert_to_tensor(y_pred)
        match = ops.greater(ops.cast(y_true, scores.dtype), 0)
        right = ops.equal(ops.greater_equal(scores, self.threshold), match)
        super().update_state(ops.cast(right, self.dtype), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}


class _OverQueries(keras.metrics.Mean):
    """A mean over the rows of score matrices that have a relevant column."""

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Adds the queries of a batch.

        Args:
            y_true: [B, C], above 0 where column j is relevant to query i; other values (0, -1) are not.
            y_pred: float [B, C], scores: of each text of a batch against each image, say.
            sample_weight: float [B].
        """
        scores = ops.convert_to_tensor(y_pred)
        relevant = ops.greater(ops.cast(y_true, scores.dtype), 0)
        asked = ops.cast(ops.any(relevant, axis=-1), self.dtype)
        weight = asked if sample_weight is None else asked * ops.cast(sample_weight, self.dtype)
        super().update_state(self.worth(_first_rank(scores, relevant)), weight)

    def worth(self, rank: Tensor) -> Tensor:
        """What a query earns by the rank of its first relevant column, int [B] from 1: float [B]."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("product_matching")
class BatchRecall(_OverQueries):
    """Share of the queries with a relevant item among the first k of the batch: `recall_at`.

    Among B items of a batch this is far easier than in a catalogue: it tells of progress, not of quality.

    Args:
        k: Length of the lists.
    """

    def __init__(self, k: int = 1, name: str = "", **kwargs: Any) -> None:
        super().__init__(name=name or f"recall_at_{k}", **kwargs)
        self.k = k

    def worth(self, rank: Tensor) -> Tensor:
        return ops.cast(ops.less_equal(rank, self.k), self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k}


@keras.saving.register_keras_serializable("product_matching")
class BatchMRR(_OverQueries):
    """Mean over the queries of one over the rank of the first relevant item of the batch: `mrr`."""

    def __init__(self, name: str = "mrr", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def worth(self, rank: Tensor) -> Tensor:
        return 1.0 / ops.cast(rank, self.dtype)


def _first_rank(scores: Tensor, relevant: Tensor) -> Tensor:
    """1 + the columns that score above the best relevant one, + the equal ones before it: [B, C] to int32 [B]."""
    best = ops.max(ops.where(relevant, scores, -float("inf")), axis=-1, keepdims=True)
    equal = ops.equal(scores, best)
    place = ops.argmax(ops.cast(ops.logical_and(equal, relevant), "int32"), axis=-1)
    before = ops.less(ops.arange(ops.shape(scores)[-1]), ops.cast(ops.expand_dims(place, -1), "int32"))
    ahead = ops.logical_or(ops.greater(scores, best), ops.logical_and(equal, before))
    return 1 + ops.sum(ops.cast(ahead, "int32"), axis=-1)
