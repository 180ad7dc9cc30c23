"""Where weights come from, in this order: a local path, a cache on this machine, a hub.

Nothing is asked of the network when the package is imported, and nothing at all when `offline` is on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from product_matching.errors import CheckpointError

OFFLINE_VARIABLES = ("PRODUCT_MATCHING_OFFLINE", "HF_HUB_OFFLINE")
"""Environment variables that turn the hubs off, where the caller does not say."""
WANTED = ("*.json", "*.txt", "*.model", "*.safetensors", "*.weights.h5", "assets/*")
"""Files of a Hugging Face repository that are fetched; nothing that runs code when it is opened."""


def find_checkpoint(name: str | Path, *, offline: bool | None = None) -> Path:
    """Finds the folder or the file of a checkpoint.

    Args:
        name: A local folder or file; a Hugging Face repository (`bert-base-uncased`, `owner/name`, `hf://owner/name`);
            a KerasHub preset (`bert_base_en`) or a Kaggle handle (`kaggle://…`).
        offline: Never ask a hub; by default as the environment says (`PRODUCT_MATCHING_OFFLINE=1`).

    Returns:
        A path on this machine.

    Raises:
        CheckpointError: If it is nowhere; the message names each place that was tried.
    """
    path = Path(name).expanduser()
    if path.exists():
        return path
    tried = [f"the local path {path} (nothing is there)"]
    if _is_path(str(name)):
        raise CheckpointError(f"There are no weights at {name}. Tried: {tried[0]}.")
    offline = is_offline(offline)
    where, cached, download = _places(str(name))
    for place, find in ((f"the cache of {where}", cached), (where, None if offline else download)):
        if find is None:
            tried.append(f"{place} (not asked: offline)")
            continue
        try:
            return Path(find())
        except Exception as error:  # each hub's client has exceptions of its own, down to those of its HTTP library
            tried.append(f"{place} ({_first_line(error)})")
    raise CheckpointError(
        f"The weights {str(name)!r} were not found. Tried: {'; '.join(tried)}. "
        "Check the name, or download them elsewhere and give the path of their folder."
    )


def _is_path(name: str) -> bool:
    return name.startswith(("/", "./", "../", "~")) or name.endswith((".h5", ".keras", ".safetensors"))


def is_offline(asked: bool | None) -> bool:
    """Whether hubs may not be asked: as the caller says, else as the environment says."""
    if asked is not None:
        return asked
    return any(os.environ.get(name, "").lower() in ("1", "true", "yes", "on") for name in OFFLINE_VARIABLES)


def _places(name: str) -> tuple[str, Callable[[], str | Path], Callable[[], str | Path]]:
    """The hub's name, how to look into its cache, how to download."""
    handle = _kaggle_handle(name)
    if handle:
        import kagglehub

        return "Kaggle Models", lambda: _kaggle_cache(handle), lambda: kagglehub.model_download(handle)
    from huggingface_hub import snapshot_download

    repository, patterns = name.removeprefix("hf://"), list(WANTED)
    return (
        "Hugging Face",
        lambda: snapshot_download(repository, allow_patterns=patterns, local_files_only=True),
        lambda: snapshot_download(repository, allow_patterns=patterns),
    )


def _kaggle_handle(name: str) -> str:
    if name.startswith("kaggle://"):
        return name.removeprefix("kaggle://")
    if "/" in name:
        return ""
    import keras_hub

    preset = keras_hub.models.Backbone.presets.get(name)
    return preset["kaggle_handle"].removeprefix("kaggle://") if preset else ""


def _kaggle_cache(handle: str) -> Path:
    from kagglehub.config import get_cache_folder

    folder = Path(get_cache_folder()) / "models" / handle
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"nothing in {folder}")
    return folder


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
