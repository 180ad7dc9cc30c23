"""Running a model as one graph, outside of `fit` and `predict`."""

from __future__ import annotations

from typing import Any

import keras

from product_matching._types import Tensor


class TracedCall:
    """`model(inputs)` as one TensorFlow graph for all shapes; op by op, a small network waits longer than it computes.

    The graph is traced anew when the model's weights are other ones than before, as after LoRA was added or merged. On
    another backend the model is called as it is.

    Args:
        model: Any Keras model.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._weights: list[int] = []
        self._graph: Any = None

    def __call__(self, inputs: Any) -> Tensor:
        """What `model(inputs)` gives."""
        if keras.backend.backend() != "tensorflow":
            return self._model(inputs)
        import tensorflow as tf

        weights = [id(weight) for weight in self._model.weights]
        if weights != self._weights:
            self._weights = weights
            self._graph = tf.function(lambda given: self._model(given), reduce_retracing=True)
        return self._graph(tf.nest.map_structure(tf.convert_to_tensor, inputs))
