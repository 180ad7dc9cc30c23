"""Which devices share a training, and what the machines of a cluster tell each other around it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from product_matching.config import Config
from product_matching.errors import ConfigError, TrainingError
from product_matching.model import ProductModel
from product_matching.model.replicas import among_workers

MIRRORING = tf.distribute.MirroredStrategy | tf.distribute.MultiWorkerMirroredStrategy
PIECE = 1 << 24
"""Bytes that the chief sends at a time."""


def devices_scope(config: Config) -> AbstractContextManager:
    """The scope in which a model is built and fitted, as `train.devices` says.

    `all` mirrors the weights on every GPU of this machine, `workers` on those of every machine of the cluster that the
    variable TF_CONFIG describes. `train.batch_size` is that of all devices together.

    Raises:
        ConfigError: If `workers` is asked for and TF_CONFIG names none.

    Example:
        >>> with devices_scope(config):
        ...     model = build_model(config, train)
        ...     fit(model, train, val, config)
    """
    if config.train.devices == "all":
        return tf.distribute.MirroredStrategy().scope()
    if config.train.devices == "workers":
        if not _cluster().cluster_spec().as_dict():
            raise ConfigError(
                'train.devices is "workers", and TF_CONFIG names none. Set it on each machine, e.g. TF_CONFIG='
                '\'{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'
                "', or train on one machine with train.devices=one or all."
            )
        return tf.distribute.MultiWorkerMirroredStrategy().scope()
    return contextlib.nullcontext()


@contextlib.contextmanager
def told_of_lost_workers(config: Config) -> Iterator[None]:
    """Says what to do when a worker that shares the training is gone; raises `TrainingError`."""
    try:
        yield
    except tf.errors.UnavailableError as error:
        if config.train.devices != "workers":
            raise
        raise TrainingError(
            "A worker that shares this training is gone (killed, or its machine or network failed; its own output says "
            "more). Start all workers again; with --resume, or fit(…, checkpoints=FOLDER, resume=True), they go on "
            "after the last epoch that the first worker kept."
        ) from error


def is_chief(config: Config) -> bool:
    """Whether this process writes what all have trained: of several workers only the first does."""
    if config.train.devices != "workers":
        return True
    cluster = _cluster()
    first = "chief" if cluster.cluster_spec().as_dict().get("chief") else "worker"
    return (cluster.task_type or first) == first and not cluster.task_id


def from_chief(contents: bytes) -> bytes:
    """What the chief calls this with, on every worker of the current strategy; `contents` where there is one process.

    Every worker has to call it. What the others give is ignored.
    """
    if not among_workers():
        return contents
    size = int(_chiefs(np.array([len(contents)]))[0])
    sent = np.zeros(size, np.uint8)
    sent[: min(size, len(contents))] = np.frombuffer(contents, np.uint8)[:size]
    pieces = (sent[start : start + PIECE].astype(np.int32) for start in range(0, size, PIECE))
    return b"".join(_chiefs(piece).astype(np.uint8).tobytes() for piece in pieces)


def share_weights(model: ProductModel) -> None:
    """Gives all workers of the current strategy the trainable weights that the chief has; every worker calls it."""
    if among_workers():
        for variable in model.trainable_variables:
            variable.assign(_chiefs(keras.ops.convert_to_numpy(variable)))


def on_one_device(model: ProductModel) -> ProductModel:
    """A model whose weights are not mirrored on devices any more; to be called outside of their scope."""
    if not isinstance(model.distribute_strategy, MIRRORING):
        return model
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return keras.models.load_model(path)


def _chiefs(values: np.ndarray) -> np.ndarray:
    """The values that the first replica of all has: the sum, to which others give zeros."""
    strategy = tf.distribute.get_strategy()

    def given(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
        return tf.constant(values if context.replica_id_in_sync_group == 0 else np.zeros_like(values))

    there = strategy.experimental_distribute_values_from_function(given)
    return strategy.reduce(tf.distribute.ReduceOp.SUM, there, axis=None).numpy()


def _cluster() -> tf.distribute.cluster_resolver.TFConfigClusterResolver:
    return tf.distribute.cluster_resolver.TFConfigClusterResolver()
