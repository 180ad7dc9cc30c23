"""`doctor`: versions, devices, and what is missing."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import sys
from typing import Any

from product_matching.cli.arguments import add_json
from product_matching.cli.output import emit, table

CORE = (
    "tensorflow",
    "keras",
    "keras-hub",
    "tensorflow-text",
    "transformers",
    "tokenizers",
    "tensorflow-datasets",
)
CORE += ("scann", "numpy", "pandas", "pyarrow", "pillow", "rich")
EXTRAS = {"matplotlib": "plots", "implicit": "recommend", "lightgbm": "recommend"}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("doctor", help="show versions and devices, and what is missing")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Looks around."""
    emit(examine(), as_json=options.json, text=_text)


def examine() -> dict[str, Any]:
    """What is installed and what it runs on."""
    packages = {name: _version(name) for name in (*CORE, *EXTRAS)}
    missing = {
        name: f"pip install 'product-matching[{EXTRAS[name]}]'" if name in EXTRAS else f"pip install {name}"
        for name, version in packages.items()
        if version is None
    }
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "product-matching": _version("product-matching"),
        "packages": packages,
        "missing": missing,
        "devices": _devices() if packages["tensorflow"] else [],
        "healthy": not any(name in CORE for name in missing),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> list[str]:
    try:
        import tensorflow as tf
    except ImportError as error:
        return [f"TensorFlow cannot be imported: {error}"]
    return [f"{device.device_type} {device.name}" for device in tf.config.list_physical_devices()]


def _text(result: dict[str, Any]) -> str:
    rows = [("python", result["python"]), ("platform", result["platform"])]
    rows += [(name, version or "missing") for name, version in result["packages"].items()]
    rows += [("device", device) for device in result["devices"]]
    lines = [table(["what", "found"], rows)]
    lines += [f"{name} is missing; install it with: {line}" for name, line in result["missing"].items()]
    return "\n".join([*lines, "all is there" if result["healthy"] else "something that is needed is missing"])
