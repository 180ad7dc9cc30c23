"""The parts of a text encoder, read from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from product_matching.checkpoints import describe, find_checkpoint, load_backbone, text_details
from product_matching.checkpoints.describing import read_json
from product_matching.errors import CheckpointError, unknown_name
from product_matching.text.reference import check_tokenizer, load_reference, tokenizer_of
from product_matching.text.sequence import SequencePreprocessor

MODELS = ("albert", "bert", "distilbert", "gpt2", "roberta", "xlm-roberta")
POOLING_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
}
"""The switches of sentence-transformers' pooling and our names."""


def load_parts(
    name: str | Path, *, pooling: str = "auto", max_tokens: int | None = None, offline: bool | None = None
) -> dict[str, Any]:
    """Loads backbone, tokenizer and pooling: the arguments of `TextEncoder`.

    Args:
        name: As of `find_checkpoint`.
        pooling: `"auto"`: what the checkpoint says; the last token of GPT-2, the mean of any other that says nothing.
        max_tokens: Length of a row at most; by default what the checkpoint allows.
        offline: As of `find_checkpoint`.

    Raises:
        CheckpointError: If the checkpoint is not found, is of no known model, or is tokenised otherwise in the graph.
    """
    folder = find_checkpoint(name, offline=offline)
    writer, config = describe(folder)
    kind = config.get("model_type", "")
    if writer != "transformers" or kind not in MODELS:
        raise CheckpointError(unknown_name(f"text model in {folder}:", kind or config.get("registered_name"), MODELS))
    reference = load_reference(folder)
    tokenizer = tokenizer_of(reference)
    check_tokenizer(tokenizer, reference)
    said = sentence_settings(folder)
    backbone, _, _ = load_backbone(folder)
    if len(tokenizer.vocabulary) > backbone.vocabulary_size:
        raise CheckpointError(
            f"The tokenizer of {folder} has {len(tokenizer.vocabulary)} tokens, its network knows "
            f"{backbone.vocabulary_size}."
        )
    allowed = min(backbone.max_sequence_length, said["max_tokens"] or backbone.max_sequence_length)
    length = allowed if max_tokens is None else min(max_tokens, backbone.max_sequence_length)
    default = said["pooling"] or ("last" if kind == "gpt2" else "mean")
    return {
        "preprocessor": SequencePreprocessor(tokenizer, max_tokens=length),
        "backbone": backbone,
        "details": text_details(config),
        "pooling": default if pooling == "auto" else pooling,
        "normalize": said["normalize"],
    }


def sentence_settings(folder: Path) -> dict[str, Any]:
    """What sentence-transformers' files say: `pooling` (`""`: nothing), `normalize`, `max_tokens` (`None`: nothing).

    Raises:
        CheckpointError: If they ask for a pooling or a module that is not ours.
    """
    modules = [module["type"].rpartition(".")[2] for module in read_json(folder, "modules.json") or []]
    other = set(modules) - {"Transformer", "Pooling", "Normalize"}
    if other:
        raise CheckpointError(f"{folder / 'modules.json'} asks for {', '.join(sorted(other))}, which is not supported.")
    length = (read_json(folder, "sentence_bert_config.json") or {}).get("max_seq_length")
    return {"pooling": _pooling(folder), "normalize": "Normalize" in modules, "max_tokens": length}


def _pooling(folder: Path) -> str:
    config = read_json(folder, "1_Pooling/config.json")
    if config is None:
        return ""
    if isinstance(config.get("pooling_mode"), str):  # as newer versions write it
        modes = [{"lasttoken": "last"}.get(config["pooling_mode"], config["pooling_mode"])]
    else:
        modes = [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
        modes = [POOLING_MODES.get(mode, mode) for mode in modes]
    if len(modes) != 1 or modes[0] not in POOLING_MODES.values():
        raise CheckpointError(
            f"{folder / '1_Pooling/config.json'} asks for {' and '.join(modes) or 'no pooling'}; "
            f"one of {', '.join(POOLING_MODES.values())} is known."
        )
    return modes[0]
