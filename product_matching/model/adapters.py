"""Adapting pretrained towers cheaply: freezing, all of it or all but the last blocks, and LoRA.

Hu et al. 2021, "LoRA: low-rank adaptation of large language models" (arXiv:2106.09685): kernel + a · b, where a and b
of a small rank learn and the kernel does not; b starts at zero, so that training begins from the pretrained network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from product_matching.errors import ConfigError

_BLOCK = re.compile(
    r"(transformer_layer_\d+|group_\d+_inner_layer_\d+|transformer_block_\d+|layers_\d+"
    r"|stack\d+_block\d+|conv\d+_block\d+|block\d+[a-z]|block_\d+_\d+|expanded_conv(?:_\d+)?)(?![\da-z])"
)
"""How the backbones of KerasHub and keras.applications name their blocks, in the path of a layer."""
_TAIL = re.compile(r"^(ln|layer_norm|layernorm|post_bn|top_.*|conv_1|conv_1_bn|output_.*)$")
"""Layers after the last block; any other layer of no block stands before the first."""


def freeze(backbone: keras.Model, blocks: int = 0) -> None:
    """Stops a backbone from learning, but for its last blocks.

    A frozen normalisation of a batch keeps its statistics too.

    Args:
        backbone: A KerasHub or keras.applications backbone.
        blocks: How many of the last blocks go on learning, with what stands behind them; 0: nothing does.

    Raises:
        ConfigError: If it has fewer blocks.
    """
    layers = list(_leaves(backbone))
    learning = _last_blocks(backbone, blocks)
    backbone.trainable = True
    for layer in backbone._flatten_layers(include_self=False):
        for variable in _own(layer):
            variable.trainable = False
    for layer in layers:
        block = block_of(layer)
        learns = block in learning if block else bool(blocks) and bool(_TAIL.match(layer.name))
        layer.trainable = not learns  # TensorFlow ignores an assignment that changes nothing
        layer.trainable = learns and layer.name != "pooled_dense"  # which nothing reads


def add_lora(backbone: keras.Model, rank: int, targets: Sequence[str], *, blocks: int = 0) -> int:
    """Freezes a backbone and gives layers a low-rank update that learns.

    In the last blocks alone it costs less: gradients end where the first of them begins.

    Args:
        backbone: A KerasHub or keras.applications backbone.
        rank: Rank of the update.
        targets: Names of layers (`query`, `value`, `key`, `attention_output`, …) or of their classes in lower case
            (`dense`, `conv2d`).
        blocks: How many of the last blocks are meant; 0: all layers.

    Returns:
        How many layers were changed.

    Raises:
        ConfigError: If no layer is meant, which names those that could be; or there are fewer blocks.
    """
    freeze(backbone)
    able = [layer for layer in _leaves(backbone) if hasattr(layer, "enable_lora") and layer.name != "pooled_dense"]
    if blocks:
        last = _last_blocks(backbone, blocks)
        able = [layer for layer in able if block_of(layer) in last]
    chosen = [layer for layer in able if _names(layer) & set(targets)]
    if not chosen:
        known = sorted(set.union(set(), *map(_names, able)))
        raise ConfigError(f"No layer of {backbone.name} is named {' or '.join(targets)}. Known: {', '.join(known)}.")
    for layer in chosen:
        layer.trainable = True
        layer.enable_lora(rank)
        if getattr(layer, "bias", None) is not None:
            layer.bias.trainable = False
    return len(chosen)


def merge_lora(model: keras.Model) -> int:
    """Adds each low-rank update to its kernel and removes it: the same output, with the weights of the plain network.

    Returns:
        How many layers were merged.
    """
    merged = 0
    for layer in model._flatten_layers():
        if not getattr(layer, "lora_enabled", False):
            continue
        name = "embeddings" if isinstance(layer, keras.layers.Embedding) else "kernel"
        merged_weights = np.asarray(keras.ops.convert_to_numpy(getattr(layer, name)))
        layer.lora_enabled = False
        layer.lora_rank = None
        getattr(layer, f"_{name}").assign(merged_weights)
        for variable in (getattr(layer, f"lora_{name}_a"), getattr(layer, f"lora_{name}_b")):
            # A graph that was traced before adds the update still: now it adds nothing.
            variable.assign(np.zeros(variable.shape))
            layer._untrack_variable(variable)
        merged += 1
    return merged


def parameter_counts(model: keras.Model) -> tuple[int, int]:
    """Parameters that learn, and parameters that do not."""
    learning = {id(variable): int(np.prod(variable.shape)) for variable in model.trainable_variables}
    everything = {id(variable): int(np.prod(variable.shape)) for variable in model.variables}
    trained = sum(learning.values())
    return trained, sum(everything.values()) - trained


def learning_blocks(backbone: keras.Model) -> set[str]:
    """Names of the blocks of which anything learns."""
    return {block for layer in _leaves(backbone) if layer.trainable_variables and (block := block_of(layer))}


def block_of(layer: keras.Operation) -> str:
    """The name of the block that a layer stands in; empty: in none."""
    found = _BLOCK.search(getattr(layer, "path", "") or layer.name)
    return found.group(1) if found else ""


def _leaves(backbone: keras.Model) -> Iterator[keras.Layer]:
    """Layers with weights that hold no other layer with weights."""
    for layer in backbone._flatten_layers(include_self=False):
        inner = layer._flatten_layers(include_self=False)
        if layer.variables and not any(child.variables for child in inner):
            yield layer


def _last_blocks(backbone: keras.Model, count: int) -> set[str]:
    names = sorted({block for layer in _leaves(backbone) if (block := block_of(layer))}, key=_number)
    if count > len(names):
        raise ConfigError(f"{backbone.name} has {len(names)} blocks; {count} of them cannot learn.")
    return set(names[len(names) - count :])


def _own(layer: keras.Layer) -> list[keras.Variable]:
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def _number(block: str) -> list[int]:
    """What orders blocks: the numbers of a name, letters that follow one as numbers too."""
    return [int(part) if part.isdigit() else ord(part) for part in re.findall(r"\d+|(?<=\d)[a-z]$", block)]


def _names(layer: keras.Layer) -> set[str]:
    return {layer.name, layer.name.removesuffix("_dense"), type(layer).__name__.lower()}
