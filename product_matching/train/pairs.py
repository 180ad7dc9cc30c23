"""The fit of a re-ranker: comparisons first, then a cross-encoder on what they leave in doubt."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from product_matching._types import FloatArray, Tensor
from product_matching.metrics import average_precision, best_threshold, fit_platt, match_metrics, platt_probability
from product_matching.model.reranker import SURE, Record, Reranker
from product_matching.model.reranker.members import Members
from product_matching.optimizer import WarmupSchedule, scale_learning_rate
from product_matching.train.pair_batches import PairBatches

logger = logging.getLogger(__name__)
LEAST_DOUBTFUL = 40
"""With fewer pairs in doubt, there is nothing that a cross-encoder could learn from."""

LEAST_GAIN = 0.002
"""Average precision that a cross-encoder must add to be worth its ninety megabytes and its seconds."""


@dataclass(frozen=True)
class LabelledPairs:
    """Pairs of records and, for each, 1 where they are one product, else 0."""

    left: Sequence[Record]
    right: Sequence[Record]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class PairTraining:
    """How a re-ranker is fitted."""

    epochs: int = 5
    """Passes of the cross-encoder over the pairs in doubt."""
    batch_size: int = 32
    learning_rate: float = 1e-3
    """Peak, of the cross-encoder's head, which is new."""
    encoder_factor: float = 0.1
    """A pretrained encoder learns at so much of that rate."""
    minutes: float = 12.0
    """The cross-encoder stops learning after so long; 0: never."""
    member_epochs: int = 40
    """Passes of the small networks over the comparisons."""
    member_rate: float = 3e-3
    seed: int = 0


def fit_pairs(
    model: Reranker,
    train: LabelledPairs,
    valid: LabelledPairs,
    options: PairTraining | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, Any]:
    """Fits a re-ranker, calibrates it and chooses its threshold, the best F1 on the validation pairs.

    Validation pairs choose the epoch, the threshold and whether the cross-encoder is kept at all. Where the model
    remembers matches, theirs are remembered too.

    Args:
        model: From `build_reranker` on the training pairs; its reader is dropped where it does not help.
        train, valid: Labelled pairs, both kinds of label in each.
        options: How.
        callbacks: More callbacks of the cross-encoder's fit.

    Returns:
        `validation`, metrics on the validation pairs; their average precision by the comparisons alone (`comparisons`)
        and after each epoch of the cross-encoder (`reader`); the pairs in doubt; whether the cross-encoder is kept.
    """
    options = options or PairTraining()
    if model.known.left:
        # First of all, so that as much is known of the products of the training pairs as of those to come; no pair is
        # evidence about itself.
        model.known.learn(valid.left, valid.right, valid.labels)
    verdicts = fit_members(model, model.compare(train.left, train.right), train.labels, options)
    checked = model.verdict(model.compare(valid.left, valid.right))
    told: dict[str, Any] = {"comparisons": average_precision(valid.labels, checked)}
    scores = checked
    if model.reader is not None:
        told |= _fit_reader(model, train, valid, (verdicts, checked), options, callbacks)
        if told["kept"]:
            scores = model.read(valid.left, valid.right, checked)
        else:
            model.set_reader(None)
    scale, offset = fit_platt(valid.labels, scores)
    threshold = best_threshold(valid.labels, platt_probability(scores, scale=scale, offset=offset), aim="f1")
    model.calibrate(scale, offset, min(threshold, 1.0))
    told["validation"] = match_metrics(valid.labels, model.probability(scores), threshold=model.threshold)
    return told


def fit_members(model: Reranker, features: FloatArray, labels: np.ndarray, options: PairTraining) -> FloatArray:
    """Fits the small networks and the trees, each on all rows but a fold of its own.

    Returns:
        For each row the logit of those that have not seen it: float32 [N].
    """
    verdicts = [_fit_networks(model.members, features, labels, options)]
    if model.forest is not None:
        hidden = _hidden(len(labels), model.forest.count, options.seed + 1)
        model.forest.grow(features, labels, hidden, seed=options.seed)
        verdicts.append(ops.convert_to_numpy(model.forest(features))[hidden])
    return np.mean(verdicts, axis=0)


def _fit_networks(members: Members, features: FloatArray, labels: np.ndarray, options: PairTraining) -> FloatArray:
    members.adapt(features)
    hidden = _hidden(len(labels), members.count, options.seed)
    network = keras.Sequential([keras.Input((features.shape[1],)), members])
    steps = -(-len(labels) // 128) * options.member_epochs
    optimizer = keras.optimizers.AdamW(WarmupSchedule(options.member_rate, steps), weight_decay=0.05)
    network.compile(optimizer=optimizer, loss=_seen_loss, jit_compile=False)
    target = np.where(hidden, -1.0, labels[:, None]).astype(np.float32)
    network.fit(features, target, batch_size=128, epochs=options.member_epochs, verbose=0)
    return ops.convert_to_numpy(members(features))[hidden]


def _hidden(rows: int, count: int, seed: int) -> np.ndarray:
    """Which row is hidden from which member: bool [N, K], one true a row."""
    return (np.random.default_rng(seed).permutation(rows) % count)[:, None] == np.arange(count)


def _seen_loss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Cross-entropy of logits, summed over the members that may see a row: [B, K], -1 for a hidden one, to [B]."""
    loss = ops.softplus(y_pred) - ops.maximum(y_true, 0.0) * y_pred
    return ops.sum(ops.where(y_true < 0, 0.0, loss), axis=-1)


def _fit_reader(
    model: Reranker,
    train: LabelledPairs,
    valid: LabelledPairs,
    verdicts: tuple[FloatArray, FloatArray],
    options: PairTraining,
    callbacks: Sequence[keras.callbacks.Callback],
) -> dict[str, Any]:
    doubtful = np.flatnonzero(np.abs(verdicts[0]) <= SURE)
    told: dict[str, Any] = {"doubtful": len(doubtful), "reader": [], "kept": False}
    labels = train.labels[doubtful]
    if len(doubtful) < LEAST_DOUBTFUL or len(np.unique(labels)) < 2:
        return told
    pieces = [model.pieces([side[row] for row in doubtful]) for side in (train.left, train.right)]
    batches = PairBatches(model.tokenizer, *pieces, verdicts[0][doubtful], labels, options.batch_size, options.seed)
    schedule = WarmupSchedule(options.learning_rate, len(batches) * options.epochs, decay="linear")
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01, global_clipnorm=1.0)
    scale_learning_rate(optimizer, model.reader.encoder.trainable_variables, options.encoder_factor)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.reader.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    keeper = KeepBest(model, valid, verdicts[1], options.minutes)
    model.reader.fit(batches, epochs=options.epochs, verbose=0, shuffle=False, callbacks=[keeper, *callbacks])
    return told | {"reader": keeper.history, "kept": keeper.weights is not None}


class KeepBest(keras.callbacks.Callback):
    """After each epoch measures the average precision on validation pairs, and ends with the best epoch's weights.

    The comparisons alone are epoch 0, which only a gain of `LEAST_GAIN` beats. Stops when the time is over, even within
    an epoch.
    """

    def __init__(self, model: Reranker, valid: LabelledPairs, verdict: FloatArray, minutes: float) -> None:
        super().__init__()
        self.reranker, self.valid, self.verdict = model, valid, verdict
        self.seconds = minutes * 60 or float("inf")
        self.best, self.weights, self.history = average_precision(valid.labels, verdict) + LEAST_GAIN, None, []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.start = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if time.monotonic() - self.start > self.seconds:
            logger.warning("the cross-encoder stops learning: its time is over (--minutes)")
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        scores = self.reranker.read(self.valid.left, self.valid.right, self.verdict)
        found = average_precision(self.valid.labels, scores)
        self.history.append(found)
        if logs is not None:
            logs["val_average_precision"] = found
        if found > self.best:
            self.best, self.weights = found, self.model.get_weights()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.weights is not None:
            self.model.set_weights(self.weights)
