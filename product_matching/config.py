"""Configuration: frozen dataclasses, read strictly from TOML, changed by `a.b=c`.

    config = load_config("small")                                   # a preset
    config = load_config("my.toml", ["train.epochs=3", "model.dim=64"])

An unknown key, a value of another type or outside its range is a `ConfigError` that names the key.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from product_matching.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class TextConfig:
    """The text tower: a new BERT, or a pretrained transformer."""

    pretrained: str = ""
    """Folder or name of a checkpoint; empty: a new BERT whose vocabulary is learned from the catalogue."""
    trainable_blocks: int = -1
    """Last blocks of a pretrained tower that learn; -1: all; 0: none, and the tower is computed once for all epochs."""
    lora_rank: int = 0
    """Rank of low-rank updates that learn instead of a pretrained tower's own weights; 0: none."""
    lora_targets: tuple[str, ...] = ("query", "value")
    """Names of the layers that get one: query, key, value, attention_output, dense, …"""
    learning_rate_factor: float = 1.0
    """The tower learns at so much of the rate of the rest."""
    vocabulary_size: int = 8000
    """Word pieces learned from the catalogue, at most."""
    max_tokens: int = 48
    """Tokens kept of title and description together; the title comes first."""
    simplify_chinese: bool = False
    """Read traditional characters as simplified ones, by a table of OpenCC's (extra `chinese`) kept in the model."""
    boilerplate: float = 0.0
    """Leave out sentences that at least this share of one brand's or seller's descriptions repeat; 0: none."""
    layers: int = 2
    heads: int = 4
    hidden_dim: int = 128
    intermediate_dim: int = 512
    dropout: float = 0.1
    pooling: Literal["auto", "cls", "mean", "last", "attention"] = "auto"
    """Of tokens to one vector; auto: what a checkpoint says, the mean for a new tower."""


@dataclass(frozen=True)
class ImageConfig:
    """The image tower: a new ResNet or ViT, or a pretrained network."""

    pretrained: str = ""
    """Folder, weights file or name of a checkpoint, such as resnet50; empty: a new network of the kind `backbone`."""
    architecture: str = ""
    """Network of a weights file whose name does not say it, such as resnet50."""
    trainable_blocks: int = -1
    """Last blocks of a pretrained tower that learn; -1: all; 0: none, and the tower is computed once for all epochs."""
    lora_rank: int = 0
    """Rank of low-rank updates that learn instead of a pretrained tower's own weights; 0: none."""
    lora_targets: tuple[str, ...] = ("query", "value", "conv2d")
    """Names of the layers, or of their classes in lower case, that get one."""
    learning_rate_factor: float = 1.0
    """The tower learns at so much of the rate of the rest."""
    pooling: Literal["auto", "average", "gem", "cls", "attention"] = "auto"
    """Of positions to one vector; auto: the class token of a pretrained transformer, else the average."""
    backbone: Literal["resnet", "vit"] = "resnet"
    size: int = 64
    """Height and width in pixels that images are resized to; the sides keep their ratio, white fills the rest."""
    filters: tuple[int, ...] = (64, 128, 256)
    """ResNet: channels of each stage; KerasHub wants 64 in the first."""
    blocks: tuple[int, ...] = (1, 1, 1)
    """ResNet: residual blocks of each stage."""
    stem: tuple[int, ...] = (16, 32)
    """ResNet: channels of the convolutions before the stages. The first halves the image, a pooling after the last
    halves it again; two see fine patterns that one alone misses."""
    patch_size: int = 8
    """ViT: height and width of a patch in pixels."""
    layers: int = 4
    heads: int = 4
    hidden_dim: int = 128
    intermediate_dim: int = 512
    dropout: float = 0.0


@dataclass(frozen=True)
class TagConfig:
    """The tag tower: an embedding of each tag, averaged."""

    max_tags: int = 2000
    """Most frequent tags kept."""
    min_count: int = 2
    """Tags that fewer products carry are left out."""
    dim: int = 64


@dataclass(frozen=True)
class ModelConfig:
    """The joint space."""

    dim: int = 128
    """Width of R_i."""
    hidden_dim: int = 256
    """Width of the hidden layer of the projections and of the fusion."""
    dropout: float = 0.1
    modality_dropout: float = 0.2
    """Probability that a modality of a whole product is hidden in training; one is always left."""
    temperature: float = 10.0
    """Start of t in score = t * <R_i, R_j> + b."""
    fusion: Literal["mlp", "gated", "attention"] = "mlp"
    """How modalities become one vector: their sum and an MLP over all; a sum weighted by gates; attention over them."""
    matryoshka: tuple[int, ...] = ()
    """Widths below `dim` to which vectors may be cut and still match: each has its share of the loss; empty: none."""

    references: int = 4096
    """Training products whose vectors calibration keeps, to tell vague vectors from detailed ones; 0: none."""
    calibration: Literal["platt", "isotonic"] = "platt"
    """From scores to probabilities: a logistic curve, or any that rises, for which thousands of validation products
    are needed."""


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer and its schedule."""

    name: Literal["adamw", "adam", "sgd", "lion", "lamb"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    """Decoupled decay; norms, biases, embeddings, temperature and bias of the score are spared."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = 0.1
    """Share of the steps over which the rate rises from zero."""
    clip_norm: float = 1.0
    """Global norm of the gradient above which it is scaled down; 0 turns it off."""
    ema: float = 0.0
    """Momentum of an exponential average of the weights, say 0.99, that takes their place in the end; 0: none."""
    accumulate: int = 1
    """Batches whose gradients are averaged into one step."""


@dataclass(frozen=True)
class TrainConfig:
    """The fit."""

    epochs: int = 10
    batch_size: int = 128
    chunk_size: int = 0
    """Products of a batch whose activations are held at a time, for batches larger than memory, at the price of one
    more forward pass; divides `batch_size`; 0: the whole batch."""
    loss: Literal["sigmoid", "infonce", "categorical", "binary", "cosine", "triplet"] = "sigmoid"
    """What is asked of the score matrix of a batch; see `product_matching.losses`."""
    label_smoothing: float = 0.0
    """Share of the answer that infonce and categorical spread over all columns."""
    margin: float = 0.2
    """Margin of cosine and triplet."""
    same_kind: int = 8
    """Products of one kind of goods that stand together in a batch, hard negatives of each other; 1: random."""
    augment: float = 1.0
    """How much images are shifted, zoomed, turned, lit and covered, and words and fields of texts left out at random:
    1 for a catalogue that is passed over many times, less for a short run, 0 for none."""
    swap_fields: float = 0.0
    """Probability that title and description change places in training, so that neither's place says too much."""
    rand_augment: int = 0
    """Changes of light and colour, never of hue, that each image gets in training besides those of `augment`."""
    bucket: bool = False
    """Batch texts of about one length, for a pretrained text tower whose rows are as long as the longest; wants
    `same_kind = 1`."""
    image_cache: str = ""
    """Folder that keeps decoded images for this run and the next; empty: memory."""
    devices: Literal["one", "all", "workers"] = "one"
    """all: each GPU of this machine takes a part of a batch (`tf.distribute.MirroredStrategy`); workers: so do several
    machines, which TF_CONFIG names; every product of the whole batch is a negative in either case."""
    mixed_precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    cached_views: int = 1
    """Views of each product that a frozen tower computes before training; the first is as it is, others augmented."""
    feature_cache: str = ""
    """Folder that keeps what frozen towers computed for the next run; empty: memory only."""
    log_dir: str = ""
    """Folder that takes a table of the epochs and what TensorBoard shows; empty: none."""
    wandb: str = ""
    """Project of Weights & Biases that takes the epochs (extra `wandb`); empty: none."""
    patience: int = 0
    """Epochs without a better recall@10 on validation after which training stops; 0: never."""


@dataclass(frozen=True)
class SplitConfig:
    """How products are set aside, group by group, so that no group stands on two sides."""

    val: float = 0.1
    test: float = 0.1
    group_by: str = ""
    """Column that names the group (a parent product); empty: the normalised title."""
    near_duplicates: bool = True
    """Keep products whose images are near duplicates on one side, too; not where `group_by` names a column."""


@dataclass(frozen=True)
class Config:
    """All that a training run depends on, beside the data."""

    seed: int = 0
    offline: bool = False
    """Take pretrained weights from this machine only."""
    text: TextConfig = field(default_factory=TextConfig)
    image: ImageConfig = field(default_factory=ImageConfig)
    tags: TagConfig = field(default_factory=TagConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    split: SplitConfig = field(default_factory=SplitConfig)


_POSITIVE = {
    *("text.vocabulary_size", "text.max_tokens", "text.layers", "text.heads", "text.hidden_dim"),
    *("text.intermediate_dim", "image.size", "image.patch_size", "image.layers", "image.heads"),
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
    ),
}
_SHARES = {
    *("optimizer.ema", "train.label_smoothing"),
    *("text.dropout", "image.dropout", "model.dropout", "model.modality_dropout", "optimizer.warmup"),
    *("split.val", "split.test", "text.boilerplate", "train.swap_fields"),
}


def presets() -> list[str]:
    """Names of the presets that come with the package."""
    return sorted(p.name.removesuffix(".toml") for p in _preset_folder().iterdir() if p.name.endswith(".toml"))


def load_config(source: str | Path = "small", overrides: Sequence[str] = ()) -> Config:
    """Reads a preset or a TOML file and applies overrides.

    Args:
        source: Name of a preset, or path of a TOML file (anything that ends in `.toml`).
        overrides: Strings such as `"train.epochs=3"`; the last of a key wins.

    Raises:
        ConfigError: If the source is unknown, or a key or value is not allowed.
    """
    values = _read(source)
    for override in overrides:
        _set(values, override)
    return config_from_dict(values)


def config_from_dict(values: Mapping[str, Any]) -> Config:
    """Builds a `Config` from nested mappings, refusing unknown keys and wrong values."""
    config = _build(Config, values, "")
    _check(config)
    return config


def config_to_dict(config: Config) -> dict[str, Any]:
    """The inverse of `config_from_dict`: plain values that JSON and TOML can hold."""
    return dataclasses.asdict(config)


def _preset_folder() -> Any:
    return resources.files("product_matching") / "configs"


def _read(source: str | Path) -> dict[str, Any]:
    if str(source).endswith(".toml"):
        path = Path(source)
        if not path.is_file():
            raise ConfigError(f"There is no configuration file {str(path)!r}.")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{str(source)!r} is not UTF-8: {error.reason} at byte {error.start}.") from error
    elif source in presets():
        text = (_preset_folder() / f"{source}.toml").read_text(encoding="utf-8")
    else:
        raise ConfigError(unknown_name("preset", source, presets()) + " A file of your own ends in .toml.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{str(source)!r} is not valid TOML: {error}.") from error


def _set(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise ConfigError(f"An override has the form section.key=value; got {override!r}.")
    *sections, name = key.strip().split(".")
    target = values
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise ConfigError(f"{section!r} in the override {override!r} is a value, not a section.")
    target[name] = _parse(text.strip())


def _parse(text: str) -> Any:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def _build(cls: type, values: Mapping[str, Any], prefix: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{prefix.rstrip('.')!r} is a section, not a value; got {values!r}.")
    hints = typing.get_type_hints(cls)
    for name in values:
        if name not in hints:
            raise ConfigError(unknown_name("configuration key", prefix + name, [prefix + h for h in hints]))
    return cls(**{name: _convert(hints[name], value, prefix + name) for name, value in values.items()})


def _convert(hint: Any, value: Any, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast(type, hint), value, key + ".")
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value not in arguments:
            raise ConfigError(unknown_name(f"value of {key}:", value, arguments))
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{key} takes a list of {arguments[0].__name__}; got {value!r}.")
        return tuple(_scalar(arguments[0], item, key) for item in value)
    return _scalar(hint, value, key)


def _scalar(hint: type | types.UnionType, value: Any, key: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{key} takes a value of type {getattr(hint, '__name__', hint)}; got {value!r}.")
    return value


def _check(config: Config) -> None:
    for key in sorted(_POSITIVE):
        if not _get(config, key) > 0:
            raise ConfigError(f"{key} must be above 0; got {_get(config, key)!r}.")
    for key in sorted(_SHARES):
        if not 0 <= _get(config, key) < 1:
            raise ConfigError(f"{key} must be at least 0 and below 1; got {_get(config, key)!r}.")
    _check_numbers(config)
    _check_towers(config)
    _check_pretrained(config)
    _check_matryoshka(config)
    if config.split.val + config.split.test >= 1:
        raise ConfigError("split.val and split.test together must be below 1: nothing is left to train on.")


def _check_numbers(config: Config) -> None:
    for key in (
        "model.references",
        "optimizer.weight_decay",
        "optimizer.clip_norm",
        "train.patience",
        "train.augment",
        "train.rand_augment",
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
    for key in ("optimizer.learning_rate", "model.temperature"):
        if math.isinf(_get(config, key)):
            raise ConfigError(f"{key} must be finite; got {_get(config, key)!r}.")


def _check_pretrained(config: Config) -> None:
    for section in ("text", "image"):
        tower = getattr(config, section)
        changed = [
            name for name in ("trainable_blocks", "lora_rank") if getattr(tower, name) != getattr(type(tower)(), name)
        ]
        if changed and not tower.pretrained:
            raise ConfigError(f"{section}.{changed[0]} is for a pretrained tower: name one in {section}.pretrained.")
        if len(changed) == 2:
            raise ConfigError(f"{section}.lora_rank freezes the tower: leave {section}.trainable_blocks at -1.")
        if tower.trainable_blocks < -1 or tower.lora_rank < 0:
            raise ConfigError(f"{section}.trainable_blocks is at least -1 and {section}.lora_rank at least 0.")
        if not 0 < tower.learning_rate_factor < math.inf:
            raise ConfigError(f"{section}.learning_rate_factor must be above 0; got {tower.learning_rate_factor!r}.")


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
