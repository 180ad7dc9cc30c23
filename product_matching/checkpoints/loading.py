"""From a checkpoint folder to a KerasHub backbone that computes what the reference computes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras_hub.models import Backbone

from product_matching.checkpoints.converting import converted
from product_matching.checkpoints.describing import describe
from product_matching.errors import CheckpointError, unknown_name

ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_approximate",
    "gelu_fast": "gelu_approximate",
    "gelu_pytorch_tanh": "gelu_approximate",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}
"""transformers' name of an activation and ours; KerasHub's BERT takes the approximate GELU whatever a file says."""


def load_backbone(folder: Path, **options: Any) -> tuple[keras.Model, str, dict[str, Any]]:
    """Loads a backbone.

    Args:
        folder: Of a Hugging Face, timm or KerasHub model.
        options: Arguments of the backbone that differ from the configuration's, such as `image_shape`.

    Returns:
        The backbone, who wrote the folder and its configuration, as of `describe`.

    Raises:
        CheckpointError: If KerasHub has no such network, or the weights do not fit it.
    """
    writer, config = describe(folder)
    try:
        # A converter prints what it does; standard output belongs to the command line's results.
        with contextlib.redirect_stdout(io.StringIO()):
            if writer == "keras":
                return Backbone.from_preset(str(folder), **options), writer, config
            with converted(folder, config) as ready:
                return Backbone.from_preset(str(ready), **{**exact_options(config), **options}), writer, config
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        kind = config.get("model_type") or config.get("architecture") or config.get("class_name")
        raise CheckpointError(f"KerasHub cannot load the model {kind!r} of {folder}: {error}") from error


def exact_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a backbone that KerasHub's converter leaves at their defaults and a checkpoint may set."""
    kind = config.get("model_type")
    if kind in ("bert", "xlm-roberta"):
        options = {"dropout": config["hidden_dropout_prob"]}
        return {**options, "num_segments": config["type_vocab_size"]} if kind == "bert" else options
    if kind == "gpt2":
        return {"intermediate_dim": config["n_inner"] or 4 * config["n_embd"]}
    if kind == "vit":
        return {"layer_norm_epsilon": config["layer_norm_eps"]}
    return {}


def text_details(config: Mapping[str, Any]) -> dict[str, Any]:
    """What KerasHub's text backbones fix and a configuration says: `activation` and `epsilon`, for `set_details`."""
    found = config.get("hidden_act") or config.get("activation_function") or config.get("activation") or ""
    if found and found not in ACTIVATIONS:
        raise CheckpointError(unknown_name("activation", found, ACTIVATIONS))
    epsilon = config.get("layer_norm_eps") or config.get("layer_norm_epsilon") or 0.0
    return {"activation": ACTIVATIONS.get(found, ""), "epsilon": epsilon}


def set_details(backbone: keras.Model, *, activation: str = "", epsilon: float = 0.0) -> None:
    """Gives a text backbone's feed-forward layers this activation and its normalisations this epsilon.

    KerasHub's backbones fix both and do not save them, so whoever loads a backbone sets them again. `""` and 0 leave
    them as they are.
    """
    function = _gelu_approximate if activation == "gelu_approximate" else keras.activations.get(activation or None)
    for layer in backbone._flatten_layers(include_self=False):
        dense = getattr(layer, "_feedforward_intermediate_dense", None)
        if activation and dense is not None:
            dense.activation = function
        if epsilon and isinstance(layer, keras.layers.LayerNormalization):
            layer.epsilon = epsilon


def _gelu_approximate(x: Any) -> Any:
    return keras.activations.gelu(x, approximate=True)
