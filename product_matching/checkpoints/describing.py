"""What a checkpoint folder says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from product_matching.errors import CheckpointError


def describe(folder: Path) -> tuple[str, dict[str, Any]]:
    """Reads a folder's `config.json`.

    Returns:
        Who wrote it, `"transformers"`, `"timm"` or `"keras"`, and the configuration; that of transformers complete,
        with the defaults that a file may leave out.

    Raises:
        CheckpointError: If there is no configuration, or it is of none of these.
    """
    config = read_json(folder, "config.json")
    if config is None:
        raise CheckpointError(f"{folder} has no config.json: it is no folder of a Hugging Face, timm or Keras model.")
    if "registered_name" in config or "class_name" in config:
        return "keras", config
    if "architecture" in config:
        return "timm", config
    if "model_type" in config:
        from transformers import AutoConfig

        try:
            return "transformers", AutoConfig.from_pretrained(folder, local_files_only=True).to_dict()
        except (ValueError, KeyError, OSError) as error:
            raise CheckpointError(f"transformers does not know the model of {folder}: {error}") from error
    raise CheckpointError(
        f"{folder / 'config.json'} names no model_type (Hugging Face), no architecture (timm) and no class (Keras)."
    )


def read_json(folder: Path, name: str) -> Any:
    """The content of a JSON file, `None` where there is no such file."""
    path = folder / name
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} is no JSON: {error}") from error
