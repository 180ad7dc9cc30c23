"""From TOML, mappings and overrides to a `Config`, strictly."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from product_matching.config.checks import check
from product_matching.config.sections import Config
from product_matching.errors import ConfigError, unknown_name

_NUMBER = re.compile(r"[+-]?(\d+\.|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
"""Numbers with nothing on one side of the point, which TOML does not have."""


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
    check(config)
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
    """A value of TOML, a number or truth value as other languages write it, or else the text itself."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return float(text) if _NUMBER.fullmatch(text) else {"True": True, "False": False}.get(text, text)


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
