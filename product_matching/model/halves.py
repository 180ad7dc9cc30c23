"""A tower cut in two: what stands still, whose outputs may be kept, and what learns on top of it."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from product_matching._types import Tensor
from product_matching.layers.tracing import TracedCall
from product_matching.model.adapters import block_of, learning_blocks
from product_matching.text import TextEncoder
from product_matching.visual import ImageEncoder

MASK = "padding_mask"
Tower = TextEncoder | ImageEncoder


class Halves:
    """A tower as `above(below(inputs))`; both halves share the tower's weights.

    Args:
        tower: A tower whose first blocks are frozen.
        hidden: Of its backbone's tensors the one that all which learns is computed from, besides the padding mask.
    """

    def __init__(self, tower: Tower, hidden: keras.KerasTensor) -> None:
        self.tower = tower
        self.name = hidden._keras_history[0].name
        backbone = tower.backbone
        self._names = [tensor.name for tensor in backbone.inputs]
        self._lower = keras.Model(backbone.input, hidden)
        self._run_lower = TracedCall(self._lower, compiled=len(hidden.shape) == 3)
        masks = [tensor for tensor in backbone.inputs if tensor.name == MASK]
        self._masks = [tensor.name for tensor in masks]
        whole = any(hidden is tensor for tensor in backbone.outputs)
        self._upper = None if whole else keras.Model([hidden, *masks], backbone.output)

    @property
    def frozen_weights(self) -> list[keras.Variable]:
        """What the kept outputs follow from."""
        return self._lower.weights

    def below(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The frozen half of prepared products, as of `Preprocessor`: [B, …]."""
        if isinstance(self.tower, ImageEncoder):
            return self._run_lower(self.tower.prepared(inputs["image"]))
        return self._run_lower({name: inputs[name] for name in self._names})

    def above(self, inputs: Mapping[str, Tensor], training: bool | None = None) -> Tensor:
        """The half that learns.

        Args:
            inputs: `image_hidden` or `text_hidden` [B, …], as of `below`; with the latter `padding_mask` bool [B, L].

        Returns:
            [B, dim], what the tower gives.
        """
        of_image = isinstance(self.tower, ImageEncoder)
        hidden = keras.ops.cast(inputs["image_hidden" if of_image else "text_hidden"], self.tower.compute_dtype)
        given = [hidden, *(inputs[name] for name in self._masks)]
        found = hidden if self._upper is None else self._upper(given, training=training)
        return self.tower.pooled(found) if of_image else self.tower.pooled(found, inputs[MASK])


def cut(tower: Tower) -> Halves | None:
    """Cuts a tower below the first block that learns.

    Returns:
        None where there is nothing to keep: all of it learns or nothing does, or it stands in one layer with what
        learns, as the blocks of KerasHub's ViT do.
    """
    backbone = tower.backbone
    if not tower.trainable_variables:
        return None
    if not backbone.trainable_variables:
        output = backbone.output
        return Halves(tower, output["sequence_output"] if isinstance(output, dict) else output)
    crossing = _crossing(backbone)
    hidden = [tensor for tensor in crossing if all(tensor is not given for given in backbone.inputs)]
    others = {tensor.name for tensor in crossing} - {tensor.name for tensor in hidden}
    if len(hidden) != 1 or not others <= {MASK}:
        return None
    halves = Halves(tower, hidden[0])
    return halves if any(block_of(layer) for layer in halves._lower.layers) else None


def _crossing(backbone: keras.Model) -> list[keras.KerasTensor]:
    """The tensors that what learns, and all behind it, reads of what does not."""
    blocks = learning_blocks(backbone)
    behind: set[int] = set()
    found: dict[int, keras.KerasTensor] = {}
    for depth in sorted(backbone._nodes_by_depth, reverse=True):
        for node in backbone._nodes_by_depth[depth]:
            read = [_before_a_pooling(tensor) for tensor in node.arguments.keras_tensors]
            learns = block_of(node.operation) in blocks
            if learns or any(id(tensor) in behind for tensor in read):
                behind |= {id(tensor) for tensor in node.output_tensors}
                found |= {id(tensor): tensor for tensor in read if id(tensor) not in behind}
    return list(found.values())


def _before_a_pooling(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """The input of a pooling on the way round a block, which KerasHub does not name after the block."""
    made_by, node_index, _ = tensor._keras_history
    if not isinstance(made_by, keras.layers.AveragePooling2D) or block_of(made_by):
        return tensor
    return made_by._inbound_nodes[node_index].arguments.keras_tensors[0]
