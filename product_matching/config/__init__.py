"""Configuration: frozen dataclasses, read strictly from TOML, changed by `a.b=c`.

    config = load_config("small")                                   # a preset
    config = load_config("my.toml", ["train.epochs=3", "model.dim=64"])

An unknown key, a value of another type or outside its range is a `ConfigError` that names the key.
"""

from product_matching.config.reading import config_from_dict, config_to_dict, load_config, presets
from product_matching.config.sections import (
    Config,
    ImageConfig,
    ModelConfig,
    OptimizerConfig,
    SplitConfig,
    TagConfig,
    TextConfig,
    TrainConfig,
)

__all__ = [
    "Config",
    "ImageConfig",
    "ModelConfig",
    "OptimizerConfig",
    "SplitConfig",
    "TagConfig",
    "TextConfig",
    "TrainConfig",
    "config_from_dict",
    "config_to_dict",
    "load_config",
    "presets",
]
