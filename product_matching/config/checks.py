"""Ranges of the options, and what goes together."""

from __future__ import annotations

import math
from typing import Any

from product_matching.config.sections import Config, ImageConfig
from product_matching.errors import ConfigError

_POSITIVE = {
    *("text.vocabulary_size", "text.max_tokens", "text.layers", "text.heads", "text.hidden_dim"),
    *("text.intermediate_dim", "image.size", "image.beside_size", "image.patch_size", "image.layers", "image.heads"),
    *(
        "image.hidden_dim",
        "image.intermediate_dim",
        "tags.max_tags",
        "tags.min_count",
        "tags.dim",
        "model.dim",
    ),
    *(
        "model.hidden_dim",
        "model.temperature",
        "optimizer.learning_rate",
        "train.epochs",
        "train.batch_size",
        "train.same_kind",
        "optimizer.accumulate",
        "train.cached_views",
        "train.teacher_temperature",
    ),
}
_SHARES = {
    *("optimizer.ema", "train.label_smoothing"),
    *("text.dropout", "image.dropout", "model.dropout", "model.modality_dropout"),
    *("model.feature_dropout", "optimizer.warmup"),
    *("split.val", "split.test", "text.boilerplate", "train.swap_fields", "train.typed"),
}


def check(config: Config) -> None:
    """Raises `ConfigError`, which names the key, where a value is outside its range or does not go with another."""
    for key in sorted(_POSITIVE):
        if not _get(config, key) > 0:
            raise ConfigError(f"{key} must be above 0; got {_get(config, key)!r}.")
    for key in sorted(_SHARES):
        if not 0 <= _get(config, key) < 1:
            raise ConfigError(f"{key} must be at least 0 and below 1; got {_get(config, key)!r}.")
    _check_numbers(config)
    _check_towers(config)
    _check_pretrained(config)
    _check_beside(config)
    _check_matryoshka(config)
    _check_negatives(config)
    if config.split.val + config.split.test >= 1:
        raise ConfigError("split.val and split.test together must be below 1: nothing is left to train on.")


def _check_numbers(config: Config) -> None:
    for key in (
        "model.references",
        "optimizer.weight_decay",
        "optimizer.clip_norm",
        "train.patience",
        "train.head_epochs",
        "train.augment",
        "train.rand_augment",
        "train.cached_text_views",
        "train.teacher_weight",
    ):
        if not _get(config, key) >= 0:
            raise ConfigError(f"{key} must not be below 0; got {_get(config, key)!r}.")
    if config.train.chunk_size < 0 or (config.train.chunk_size and config.train.batch_size % config.train.chunk_size):
        raise ConfigError(
            f"train.chunk_size divides train.batch_size ({config.train.batch_size}), or is 0; "
            f"got {config.train.chunk_size!r}."
        )
    if config.train.augment > 2:
        raise ConfigError(f"train.augment must be at most 2; got {config.train.augment!r}.")
    for key in ("optimizer.learning_rate", "model.temperature", "train.teacher_weight", "train.teacher_temperature"):
        if math.isinf(_get(config, key)):
            raise ConfigError(f"{key} must be finite; got {_get(config, key)!r}.")


def _check_negatives(config: Config) -> None:
    options = config.train
    if not 0 <= options.hard_negatives <= 1:
        raise ConfigError(f"train.hard_negatives is a share, 0 to 1; got {options.hard_negatives!r}.")
    if options.hard_negatives and (options.same_kind < 2 or options.bucket):
        raise ConfigError(
            "train.hard_negatives sets train.same_kind products side by side: give that 2 or more, without "
            f"train.bucket; got same_kind = {options.same_kind}, bucket = {str(options.bucket).lower()}."
        )
    if options.sampling_correction and options.loss not in ("infonce", "categorical"):
        raise ConfigError(
            "train.sampling_correction is for the losses with a softmax, infonce and categorical; "
            f"got train.loss = {options.loss!r}."
        )


def _check_pretrained(config: Config) -> None:
    if config.train.head_epochs and not (config.text.pretrained or config.image.pretrained):
        raise ConfigError("train.head_epochs is for a pretrained tower: set text.pretrained or image.pretrained.")
    for section in ("text", "image"):
        tower = getattr(config, section)
        names = ("trainable_blocks", "lora_rank", "lora_blocks")
        changed = [name for name in names if getattr(tower, name) != getattr(type(tower)(), name)]
        if changed and not tower.pretrained:
            raise ConfigError(f"{section}.{changed[0]} is for a pretrained tower: name one in {section}.pretrained.")
        if tower.lora_rank and tower.trainable_blocks != -1:
            raise ConfigError(f"{section}.lora_rank freezes the tower: leave {section}.trainable_blocks at -1.")
        if tower.lora_blocks < 0 or (tower.lora_blocks and not tower.lora_rank):
            raise ConfigError(f"{section}.lora_blocks is 0 or the number of blocks that {section}.lora_rank is for.")
        if tower.trainable_blocks < -1 or tower.lora_rank < 0:
            raise ConfigError(f"{section}.trainable_blocks is at least -1 and {section}.lora_rank at least 0.")
        if not 0 < tower.learning_rate_factor < math.inf:
            raise ConfigError(f"{section}.learning_rate_factor must be above 0; got {tower.learning_rate_factor!r}.")


def _check_beside(config: Config) -> None:
    if config.image.beside_size != ImageConfig().beside_size and not config.image.beside:
        raise ConfigError("image.beside_size is for the tower of image.beside: name one there.")
    options = config.train
    varied = options.augment and (options.cached_text_views or options.cached_views) > 1
    if config.text.beside and options.typed and not varied:
        raise ConfigError(
            "train.typed shortens texts to queries, which the tower of text.beside has to see, too: give "
            "train.cached_text_views 2 or more, 6 say, or leave train.typed at 0."
        )
    for section in ("text", "image"):
        tower = getattr(config, section)
        if tower.beside and tower.beside == tower.pretrained and tower.trainable_blocks == 0:
            raise ConfigError(
                f"{section}.beside and {section}.pretrained name the same checkpoint, and nothing of either learns: "
                f"leave {section}.beside empty, or let {section}.pretrained learn or be a tower from scratch."
            )


def _check_matryoshka(config: Config) -> None:
    for width in config.model.matryoshka:
        if not 0 < width < config.model.dim:
            raise ConfigError(f"model.matryoshka holds widths between 0 and model.dim; got {width}.")


def _check_towers(config: Config) -> None:
    for key in ("image.filters", "image.blocks", "image.stem"):
        if not _get(config, key):
            raise ConfigError(f"{key} takes a list of int; got [].")
        if min(_get(config, key)) < 1:
            raise ConfigError(f"{key} must be above 0; got {list(_get(config, key))!r}.")
    if config.text.max_tokens < 4:
        raise ConfigError(f"text.max_tokens must be 4 or more, three of them are marks; got {config.text.max_tokens}.")
    for section in ("text", "image"):
        tower = getattr(config, section)
        if tower.hidden_dim % tower.heads:
            raise ConfigError(f"{section}.hidden_dim ({tower.hidden_dim}) must be a multiple of {section}.heads.")
    if config.image.backbone == "resnet" and config.image.filters[0] != 64:
        raise ConfigError(f"image.filters must start with 64, as KerasHub wants; got {config.image.filters[0]}.")
    if config.image.backbone == "vit" and config.image.size % config.image.patch_size:
        raise ConfigError(f"image.size ({config.image.size}) must be a multiple of image.patch_size.")
    if len(config.image.filters) != len(config.image.blocks):
        raise ConfigError("image.filters and image.blocks must be equally long: one entry a stage.")


def _get(config: Config, key: str) -> Any:
    section, name = key.split(".")
    return getattr(getattr(config, section), name)
