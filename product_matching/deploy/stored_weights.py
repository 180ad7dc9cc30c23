"""The weights of a model as its SavedModel keeps them, and how its functions read them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import keras
import tensorflow as tf

from product_matching._types import Tensor
from product_matching.deploy.packing import Packed


class StoredWeights(tf.Module):
    """Each weight once: as it is, or small on disk and float32 from the moment that the SavedModel is loaded.

    Args:
        model: Whose weights.
        packed: Those of a smaller type, by their place in `model.weights`; see `pack_weights`.
    """

    def __init__(self, model: keras.Model, packed: Mapping[int, Packed]) -> None:
        super().__init__(name="weights")
        self.plain = [weight.value for place, weight in enumerate(model.weights) if place not in packed]
        self.unpacked = [Unpacked(packed[place], f"unpacked_{place}") for place in sorted(packed)]
        variables = [id(model.weights[place]) for place in sorted(packed)]
        # A dictionary as an attribute would be written to disk.
        self._scope = partial(_Reading, dict(zip(variables, self.unpacked, strict=True)))

    def scope(self) -> keras.StatelessScope:
        """A scope in which the model reads what is stored; for functions that an export traces."""
        return self._scope()


class Unpacked(tf.saved_model.experimental.TrackableResource):
    """A float32 variable that no checkpoint holds: it is filled from a smaller one, as a table is from its file.

    Unpacking in the functions instead would cost each request as much as a small tower's own pass.

    Args:
        packed: The rounded weight.
        name: Unique in the SavedModel. TensorFlow makes it unique among those that a process loads.
    """

    def __init__(self, packed: Packed, name: str) -> None:
        super().__init__()
        self._name = name
        self._values = self._track_trackable(tf.Variable(packed.values, trainable=False), "values")
        self._scales = None
        if packed.scales is not None:
            self._scales = self._track_trackable(tf.Variable(packed.scales, trainable=False), "scales")
        self._initialize()

    def read(self) -> Tensor:
        """The weight, float32."""
        value = tf.raw_ops.ReadVariableOp(resource=self.resource_handle, dtype=tf.float32)
        return tf.ensure_shape(value, self._values.shape)

    def _create_resource(self) -> Tensor:
        return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=self._values.shape, shared_name=self._name)

    def _initialize(self) -> None:
        value = tf.cast(self._values, tf.float32)
        value = value if self._scales is None else value * self._scales
        tf.raw_ops.AssignVariableOp(resource=self.resource_handle, value=value)

    def _destroy_resource(self) -> None:
        tf.raw_ops.DestroyResourceOp(resource=self.resource_handle, ignore_lookup_error=True)


class _Reading(keras.StatelessScope):
    def __init__(self, of_variable: Mapping[int, Unpacked]) -> None:
        super().__init__()
        self._of_variable = of_variable

    def get_current_value(self, variable: keras.Variable) -> Tensor | None:
        """What takes the place of a variable's value; None: nothing."""
        unpacked = self._of_variable.get(id(variable))
        return None if unpacked is None else unpacked.read()
