"""Which devices share a training."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

import tensorflow as tf

from product_matching.config import Config


def devices_scope(config: Config) -> AbstractContextManager:
    """The scope in which a model is built and fitted, as `train.devices` says.

    `all` mirrors the weights on every GPU of this machine, `workers` on those of every machine of the cluster that the
    variable TF_CONFIG describes. `train.batch_size` is that of all devices together.

    Example:
        >>> with devices_scope(config):
        ...     model = build_model(config, train)
        ...     fit(model, train, val, config)
    """
    if config.train.devices == "all":
        return tf.distribute.MirroredStrategy().scope()
    if config.train.devices == "workers":
        return tf.distribute.MultiWorkerMirroredStrategy().scope()
    return contextlib.nullcontext()
