"""Stops a training that leads nowhere, and says what to change."""

from __future__ import annotations

import logging
import math
from typing import Any

import keras
import numpy as np

from product_matching.errors import TrainingError
from product_matching.train.retrieval_monitor import RetrievalMonitor

logger = logging.getLogger(__name__)

ALIKE = 0.99
"""Mean cosine between any two products above which their vectors say nothing."""


class LossGuard(keras.callbacks.Callback):
    """Raises `TrainingError` as soon as the loss is not a finite number: all weights are lost from then on."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            rate = float(np.asarray(self.model.optimizer.learning_rate))
            raise TrainingError(
                f"The loss became {loss} in epoch {self.epoch + 1}, batch {batch + 1}, at a rate of {rate:.2g}. "
                "Lower optimizer.learning_rate, say to a third; keep optimizer.clip_norm at 1; with "
                "train.mixed_precision=mixed_float16 try mixed_bfloat16 or float32."
            )


class CollapseGuard(keras.callbacks.Callback):
    """Warns after an epoch, and raises `TrainingError` after two in a row, when all texts or all images look alike.

    The mean cosine between any two of N unit vectors is (N² |mean|² - N) / (N² - N): near 1, they have collapsed.

    Args:
        monitor: Stands before this callback and has just embedded the validation products.
    """

    def __init__(self, monitor: RetrievalMonitor) -> None:
        super().__init__()
        self.monitor = monitor
        self.epochs = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        alike = [view for view in ("text", "image") if mean_cosine(self.monitor.views.get(view)) > ALIKE]
        self.epochs = self.epochs + 1 if alike else 0
        if not alike:
            return
        advice = (
            f"The vectors of all validation products' {' and '.join(alike)}s are nearly the same: the model has "
            "collapsed. Lower optimizer.learning_rate, raise optimizer.warmup, or check that images and texts of a row "
            "belong together (product-matching validate)."
        )
        if self.epochs > 1:
            raise TrainingError(advice)
        logger.warning(advice)


def mean_cosine(vectors: np.ndarray | None) -> float:
    """Mean cosine between two different ones of unit vectors [N, D]; 0 where there are fewer than 8."""
    if vectors is None or len(vectors) < 8:
        return 0.0
    count = len(vectors)
    return float((np.sum(np.sum(vectors, axis=0, dtype=float) ** 2) - count) / (count * (count - 1)))
