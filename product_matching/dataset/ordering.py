"""The order of products in batches: shuffled, in runs of one kind, and the same again after an interruption."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from product_matching._types import IntArray, Tensor


@dataclass(frozen=True)
class Order:
    """How rows become batches.

    Attributes:
        count: Rows N.
        batch_size: Rows a batch; in training a last batch that is not full is left out, unless it is the only one.
        training: Shuffle; else the order is that of the rows.
        seed: Seed of the shuffle.
        epochs: Epochs in one dataset; 0: one, and each pass over the dataset is another.
        start_step: Batches left out at the start, counted over all epochs.
        run: So many rows of equal `run_key` stand together; 1: no runs.
        run_key: Name of an integer in each row.
        keys: Gives, for the number of an epoch, other such integers, int64 [N], by a row's `place`; may wait.
    """

    count: int
    batch_size: int
    training: bool = False
    seed: int = 0
    epochs: int = 0
    start_step: int = 0
    run: int = 1
    run_key: str = ""
    keys: Callable[[int], IntArray] | None = None

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        full, rest = divmod(self.count, self.batch_size)
        return full if self.training and full else full + (rest > 0)

    def arrange(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        """The rows of all batches, in order."""
        if not self.training:
            return rows
        if not self.epochs:
            shuffled = rows.shuffle(self.count, seed=self.seed, reshuffle_each_iteration=True)
            return self._known(self._in_runs(shuffled), self.count)
        first, left_out = divmod(self.start_step, self.steps)

        def one_epoch(epoch: int) -> tf.data.Dataset:
            seed = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0])
            shuffled = rows.shuffle(self.count, seed=seed, reshuffle_each_iteration=False)
            # What is over at the end of an epoch may not start a batch of the next.
            used = self._in_runs(self._keyed(shuffled, epoch)).take(min(self.steps * self.batch_size, self.count))
            return used.skip(left_out * self.batch_size) if epoch == first else used

        if first >= self.epochs:
            return rows.take(0)
        # One dataset an epoch, end to end: a shuffle takes its seed when it is built, not from a tensor.
        several = functools.reduce(tf.data.Dataset.concatenate, map(one_epoch, range(first, self.epochs)))
        return self._known(several, self._batches * min(self.batch_size, self.count))

    def batch(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        """Batches of arranged rows."""
        if self.epochs:
            return rows.batch(min(self.batch_size, self.count), drop_remainder=True)
        return rows.batch(self.batch_size, drop_remainder=self.training and self.count >= self.batch_size)

    def seeds(self) -> tf.data.Dataset:
        """A seed for each batch, int64 [2]: of its number in `epochs`, else new ones in each pass."""
        if not self.epochs:
            return tf.data.Dataset.random(seed=self.seed, rerandomize_each_iteration=True).batch(2)
        steps = tf.data.Dataset.range(self.start_step, self.steps * self.epochs)
        return steps.map(lambda step: tf.stack([tf.constant(self.seed, tf.int64) + 1, step]))

    @property
    def _batches(self) -> int:
        return max(self.steps * self.epochs - self.start_step, 0)

    def _keyed(self, rows: tf.data.Dataset, epoch: int) -> tf.data.Dataset:
        """The rows with the keys of an epoch, which are asked for when its first row is."""
        if self.keys is None:
            return rows

        def with_keys(number: Tensor) -> tf.data.Dataset:
            keys = tf.ensure_shape(tf.numpy_function(self.keys, [number], tf.int64), [self.count])
            return rows.map(lambda row: {**row, self.run_key: tf.gather(keys, row["place"])})

        return tf.data.Dataset.from_tensors(np.int64(epoch)).flat_map(with_keys)

    def _in_runs(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        if self.run <= 1:
            return rows
        return rows.group_by_window(lambda row: row[self.run_key], lambda _, run: run, window_size=self.run)

    @staticmethod
    def _known(rows: tf.data.Dataset, count: int) -> tf.data.Dataset:
        return rows.apply(tf.data.experimental.assert_cardinality(count))
