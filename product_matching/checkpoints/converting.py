"""Checkpoints in the form that KerasHub's converters expect.

They want names with the prefix of a model with a head (`vit.embeddings…`), which a bare model lacks, and some know no
other spelling. So the names, and the configuration, are made complete before KerasHub reads them.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from product_matching.errors import CheckpointError

PREFIXES = {"albert": "albert.", "deit": "deit.", "distilbert": "distilbert.", "roberta": "roberta.", "vit": "vit."}
"""What the names of a converter begin with, by `model_type`; the others find theirs."""
RESNETS = {
    ("basic", (2, 2, 2, 2)): "resnet18",
    ("basic", (3, 4, 6, 3)): "resnet34",
    ("bottleneck", (3, 4, 6, 3)): "resnet50",
    ("bottleneck", (3, 4, 23, 3)): "resnet101",
    ("bottleneck", (3, 8, 36, 3)): "resnet152",
}
_RESNET_NAMES = (
    (r"^resnet\.", ""),
    (r"^embedder\.embedder\.convolution\.", "conv1."),
    (r"^embedder\.embedder\.normalization\.", "bn1."),
    (r"\.shortcut\.convolution\.", ".downsample.0."),
    (r"\.shortcut\.normalization\.", ".downsample.1."),
)
_RESNET_BLOCK = re.compile(r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.(.*)$")
_RESNET_LAYER = re.compile(r"^layer\.(\d+)\.(convolution|normalization)\.(.*)$")


@contextmanager
def converted(folder: Path, config: Mapping[str, Any]) -> Iterator[Path]:
    """Gives a folder, for the length of the block, that KerasHub loads as it is.

    Args:
        folder: Of a Hugging Face or timm model, with weights in safetensors.
        config: As `describe` returns it.
    """
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise CheckpointError(
            f"{folder} has no model.safetensors. Weights in another form (pytorch_model.bin, tf_model.h5) are written "
            "anew by transformers: AutoModel.from_pretrained(folder).save_pretrained(new_folder)."
        )
    with tempfile.TemporaryDirectory(prefix="checkpoint-") as name:
        fresh = Path(name)
        renamed = _renamed(files, config)
        if renamed is None:
            for path in [*files, *folder.glob("*.index.json")]:
                (fresh / path.name).symlink_to(path.resolve())
        else:
            save_file(renamed, fresh / "model.safetensors")
        (fresh / "config.json").write_text(json.dumps(_complete(config)), encoding="utf-8")
        yield fresh


def _complete(config: Mapping[str, Any]) -> dict[str, Any]:
    if config.get("model_type") != "resnet":
        return dict(config)
    kind = (config["layer_type"], tuple(config["depths"]))
    if kind not in RESNETS or config["embedding_size"] != 64 or config["hidden_act"] != "relu":
        raise CheckpointError(
            f"A ResNet of {kind[0]} blocks, depths {list(kind[1])} and a stem of {config['embedding_size']} is none of "
            f"{', '.join(RESNETS.values())}."
        )
    if config.get("downsample_in_bottleneck") or config.get("downsample_in_first_stage"):
        raise CheckpointError("A ResNet that halves the image in a bottleneck's first convolution cannot be read.")
    return {"architecture": RESNETS[kind], "num_classes": 0}


def _renamed(files: list[Path], config: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
    """The weights under the names that the converter asks for; `None` where they have them already."""
    kind = config.get("model_type", "")
    if kind == "resnet":
        return {_resnet_name(name): value for name, value in _tensors(files)}
    prefix = PREFIXES.get(kind)
    if prefix is None:
        return None
    weights = {_with_prefix(name, prefix): value for name, value in _tensors(files)}
    if kind == "roberta":
        _fold_segment(weights)
    return weights


def _with_prefix(name: str, prefix: str) -> str:
    name = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", name))
    return name if name.startswith(prefix) else prefix + name


def _fold_segment(weights: dict[str, np.ndarray]) -> None:
    """Adds the one segment's embedding, which KerasHub's RoBERTa lacks, to each position's: only their sum is read."""
    segment = weights.get("roberta.embeddings.token_type_embeddings.weight")
    if segment is not None:
        weights["roberta.embeddings.position_embeddings.weight"] += segment[:1]


def _resnet_name(name: str) -> str:
    for pattern, replacement in _RESNET_NAMES:
        name = re.sub(pattern, replacement, name)
    block = _RESNET_BLOCK.match(name)
    if not block:
        return name
    stage, number, rest = block.groups()
    layer = _RESNET_LAYER.match(rest)
    if layer:
        index, kind, rest = layer.groups()
        rest = f"{'conv' if kind == 'convolution' else 'bn'}{int(index) + 1}.{rest}"
    return f"layer{int(stage) + 1}.{number}.{rest}"


def _tensors(files: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    for path in files:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118  the file is no mapping
                yield name, file.get_tensor(name)
