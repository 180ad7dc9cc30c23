"""A large batch in the memory of a small one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from product_matching._types import Tensor
from product_matching.errors import ConfigError


def in_chunks(
    function: Callable[[Mapping[str, Any]], dict[str, Tensor]],
    inputs: Mapping[str, Any],
    names: Sequence[str],
    size: int,
    *,
    width: int,
    model: keras.Model,
) -> dict[str, Tensor]:
    """What `function` makes of a batch, with the gradient of the whole, `size` rows at a time.

    No chunk keeps its activations: the backward pass computes each chunk anew. A loss over all pairs of the batch then
    costs one more forward pass and the memory of one chunk (Gao et al. 2021, "Scaling deep contrastive learning batch
    size under memory limited setup", arXiv:2101.06983). Chunks follow each other, each with the states (running
    statistics, random generators) that the one before has left, and is computed anew with those it began with.
    Normalisation over a batch sees a chunk.

    Args:
        function: Of inputs to outputs, row by row, by the variables of `model`.
        inputs: Tensors [B, …], nested in mappings; B is a multiple of `size`.
        names: Of the outputs, float32 [B, width].
        size: Rows of a chunk.
        width: Of the outputs.
        model: Of its trainable variables the gradient is taken.

    Returns:
        The outputs, by name.

    Raises:
        ConfigError: On another backend than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"Chunks are for the backend tensorflow; this is {keras.backend.backend()}. Set chunk_size to 0."
        )
    weights, states = model.trainable_variables, _changing(model)
    one_chunk = _stateless(function, model, weights, states)
    start = [tf.convert_to_tensor(state) for state in states]
    chunks = tf.nest.map_structure(
        lambda x: tf.reshape(x, tf.concat([[-1, size], tf.shape(x)[1:]], axis=0)), dict(inputs)
    )

    # The loops are never differentiated themselves: one runs forward, the other takes the gradient chunk by chunk.
    @tf.custom_gradient
    def all_chunks(*values: Tensor) -> Any:
        nothing = {name: tf.zeros([size, width]) for name in names}
        outputs, after = tf.scan(
            lambda before, chunk: one_chunk(chunk, before[1], values), chunks, (nothing, start), parallel_iterations=1
        )
        befores = [tf.concat([first[None], each[:-1]], axis=0) for first, each in zip(start, after, strict=True)]

        def slopes(*given: Tensor) -> Any:
            def add(total: list[Tensor], at: tuple) -> list[Tensor]:
                chunk, before, wanted = at
                with tf.GradientTape() as tape:
                    tape.watch(values)
                    again = one_chunk(chunk, before, values)[0]
                more = tape.gradient(
                    [again[name] for name in names], values, wanted, unconnected_gradients=tf.UnconnectedGradients.ZERO
                )
                return [old + new for old, new in zip(total, more, strict=True)]

            zeros = [tf.zeros_like(value) for value in values]
            return tf.foldl(add, (chunks, befores, list(given[: len(names)])), zeros, parallel_iterations=1)

        return [*(outputs[name] for name in names), *(each[-1] for each in after)], slopes

    outputs = all_chunks(*(tf.convert_to_tensor(weight) for weight in weights))
    for state, value in zip(states, outputs[len(names) :], strict=True):
        state.assign(value)
    outputs = outputs[: len(names)]
    return {name: tf.reshape(vectors, [-1, width]) for name, vectors in zip(names, outputs, strict=True)}


def _stateless(
    function: Callable, model: keras.Model, weights: Sequence[keras.Variable], states: Sequence[keras.Variable]
) -> Callable[[Any, Sequence[Tensor], Sequence[Tensor]], tuple[dict[str, Tensor], list[Tensor]]]:
    """A function of a chunk and of the values of states and weights, that gives outputs and the states after it."""
    known = {id(variable) for variable in (*weights, *states)}
    frozen = [(v, tf.convert_to_tensor(v)) for v in model.non_trainable_variables if id(v) not in known]

    def call(chunk: Any, before: Sequence[Tensor], values: Sequence[Tensor]) -> tuple[dict[str, Tensor], list[Tensor]]:
        given = [*frozen, *zip(weights, values, strict=True), *zip(states, before, strict=True)]
        with keras.StatelessScope(state_mapping=given) as scope:
            outputs = function(chunk)
        return outputs, [tf.convert_to_tensor(scope.get_current_value(state)) for state in states]

    return call


def _changing(model: keras.Model) -> list[keras.Variable]:
    """What a call in training changes: running statistics and random generators, not the weights that are frozen."""
    return [
        variable
        for variable in model.non_trainable_variables
        if "int" in str(variable.dtype) or variable.name in ("moving_mean", "moving_variance")
    ]
