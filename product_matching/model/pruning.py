"""A text tower with fewer layers: smaller and faster, and to be trained a little further."""

from __future__ import annotations

import keras
import numpy as np

from product_matching.errors import ConfigError
from product_matching.model.adapters import merge_lora
from product_matching.model.product_model import ProductModel
from product_matching.text import TextEncoder

LAYER = "transformer_layer_"
"""What KerasHub calls the layers of its text backbones, before their number."""


def drop_text_layers(model: ProductModel, layers: int) -> ProductModel:
    """A copy of a model whose text tower has fewer transformer layers, evenly chosen, the first and last among them.

    Dropping layers keeps more of what a tower knows than a smaller one learns in the same time, after a short training
    (Sajjad et al. 2023, "On the effect of dropping layers of pre-trained transformer models", arXiv:2004.03844).

    Args:
        model: A trained model; low-rank updates are merged first, for good.
        layers: Layers to keep, 1 or more.

    Raises:
        ConfigError: If the tower has fewer layers, or no list of layers to choose from.
    """
    merge_lora(model)
    old = model.text_encoder
    config = old.backbone.get_config()
    there = config.get("num_layers", 0)
    if not 1 <= layers <= there or f"{LAYER}{there - 1}" not in {layer.name for layer in old.backbone.layers}:
        raise ConfigError(
            f"Of the text tower's {there} layers 1 to {there} can be kept; got {layers}."
            if there
            else f"{type(old.backbone).__name__} has no layers to choose from."
        )
    kept = np.linspace(0, there - 1, layers).round().astype(int)
    backbone = type(old.backbone).from_config({**config, "num_layers": layers})
    parts = {**old.get_config(), "backbone": keras.saving.serialize_keras_object(backbone)}
    small = TextEncoder.from_config(parts)
    _copy_text(old, small, kept)
    return _with_text(model, small)


def _copy_text(old: TextEncoder, small: TextEncoder, kept: np.ndarray) -> None:
    names = {f"{LAYER}{place}": f"{LAYER}{number}" for place, number in enumerate(kept)}
    for layer in small.backbone.layers:
        layer.set_weights(old.backbone.get_layer(names.get(layer.name, layer.name)).get_weights())
    if old.pooling == "attention":
        small._pool.set_weights(old._pool.get_weights())


def _with_text(model: ProductModel, text: TextEncoder) -> ProductModel:
    config = {**model.get_config(), "text_encoder": keras.saving.serialize_keras_object(text)}
    whole = ProductModel.from_config(config)
    for layer, fresh in zip(model.layers, whole.layers, strict=True):
        fresh.set_weights((text if layer is model.text_encoder else layer).get_weights())
    return whole
