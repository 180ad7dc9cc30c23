"""Running a model as one graph, outside of `fit` and `predict`."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import keras

from product_matching._types import Tensor

COMPILE_AFTER = 12
"""Batches of one shape after which it is worth compiling: what that would have saved until then is about its price."""
logger = logging.getLogger(__name__)


class TracedCall:
    """`model(inputs)` as one TensorFlow graph for all shapes; op by op, a small network waits longer than it computes.

    The graph is traced anew when the model's weights are other ones than before, as after LoRA was added or merged. On
    another backend the model is called as it is.

    Args:
        model: Any Keras model.
        compiled: Compile with XLA each shape that came `COMPILE_AFTER` times. It joins the many small steps between a
            transformer's products of matrices, which take as long as these on a CPU (1.5 to 2 times as fast in all).
            That takes some seconds; convolutions do not gain by it.
    """

    def __init__(self, model: keras.Model, *, compiled: bool = False) -> None:
        self._model = model
        self._compiles = compiled
        self._weights: list[int] | None = None
        self._graph: Any = None
        self._fused: Any = None
        self._seen: Counter[tuple] = Counter()

    def __call__(self, inputs: Any) -> Tensor:
        """What `model(inputs)` gives."""
        if keras.backend.backend() != "tensorflow":
            return self._model(inputs)
        import tensorflow as tf

        weights = [id(weight) for weight in self._model.weights]
        if weights != self._weights:
            self._weights = weights
            self._graph = tf.function(self._run, reduce_retracing=True)
            self._fused = tf.function(self._run, jit_compile=True)
            self._seen.clear()
        given = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        return self._fast(given) if self._compiles and self._is_frequent(given) else self._graph(given)

    def _run(self, given: Any) -> Tensor:
        return self._model(given)

    def _is_frequent(self, given: Any) -> bool:
        import tensorflow as tf

        shape = tuple(tuple(tensor.shape) for tensor in tf.nest.flatten(given))
        self._seen[shape] += 1
        return self._seen[shape] > COMPILE_AFTER

    def _fast(self, given: Any) -> Tensor:
        import tensorflow as tf

        try:
            return self._fused(given)
        except (tf.errors.OpError, ValueError) as error:
            logger.info("%s is not compiled: %s", self._model.name, str(error).splitlines()[0])
            self._compiles = False
            return self._graph(given)
