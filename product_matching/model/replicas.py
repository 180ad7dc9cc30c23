"""The whole batch, where each of several devices holds a part of it."""

from __future__ import annotations

from typing import Any

import keras

from product_matching._types import Tensor


def whole_batch(parts: Any) -> Any:
    """Gathers the parts that replicas (`tf.distribute`) hold, so that every product is a negative of all others.

    Each replica then computes the loss of the whole batch; Keras divides losses by the number of replicas and the
    gradients are summed, which makes the gradient of one device with the whole batch. On JAX, arrays are whole already
    (`keras.distribution.DataParallel`).

    Args:
        parts: Tensors [b, …] of a replica, nested in mappings; None stays None.

    Returns:
        Tensors [replicas * b, …]; `parts` themselves where there is one replica.
    """
    if keras.backend.backend() != "tensorflow":
        return parts
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return parts

    def gathered(part: Tensor | None) -> Tensor | None:
        if part is None:
            return None
        # Identity, since what comes from the dataset itself bears no device, and several machines gather by devices.
        part = tf.identity(part)
        if part.dtype == tf.bool:  # which all_gather does not know
            return tf.cast(context.all_gather(tf.cast(part, tf.int32), axis=0), tf.bool)
        return context.all_gather(part, axis=0)

    return keras.tree.map_structure(gathered, parts)


def ready_for_mean(logs: dict[str, Any]) -> dict[str, Any]:
    """What a training step tells, scalars, in the shape that Keras can average over several machines.

    Keras 3 takes the mean of their values along an axis that scalars do not have
    (https://github.com/keras-team/keras/issues/20585), so they become float32 [1] there and stay scalars elsewhere.
    """
    return {name: keras.ops.reshape(value, [1]) for name, value in logs.items()} if among_workers() else logs


def among_workers() -> bool:
    """Whether several machines share what happens here: the current strategy is `MultiWorkerMirroredStrategy`."""
    import tensorflow as tf

    return isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)
