"""The manifest of a bundle, and writing a bundle whole or not at all."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from product_matching._folders import replaced_folder
from product_matching.bundle.paths import MANIFEST
from product_matching.errors import BundleError

FORMAT = 1
"""Raised when a bundle changes so that older code cannot read it."""
PACKAGES = ("product-matching", "tensorflow", "keras", "keras-hub", "tensorflow-text", "numpy")


def write_bundle(folder: Path, fill: Callable[[Path], None], manifest: Mapping[str, Any]) -> None:
    """Writes a bundle into a folder that nobody sees before it is whole.

    Args:
        folder: Where the bundle goes; what was there is replaced.
        fill: Writes the files into the folder it is given.
        manifest: What the manifest says beside format, date, packages and hashes.
    """
    with replaced_folder(folder) as fresh:
        fill(fresh)
        files = sorted(path for path in fresh.rglob("*") if path.is_file())
        content = {
            "format": FORMAT,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **manifest,
            "packages": _versions(),
            "files": {path.relative_to(fresh).as_posix(): _sha256(path) for path in files},
        }
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (fresh / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path, *, verify: bool = True) -> dict[str, Any]:
    """Reads a manifest and, with `verify`, checks each file that it lists against its hash.

    Raises:
        BundleError: If the manifest is damaged or newer than this package, or a file is missing or altered.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, files = int(manifest["format"]), dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"The manifest of {folder} is damaged ({error}). Train or copy the bundle again.") from error
    if version > FORMAT:
        raise BundleError(
            f"{folder} has format {version}; this version of product-matching reads up to {FORMAT}. "
            "Upgrade it: pip install -U product-matching"
        )
    if verify:
        _check_files(folder, files)
    return manifest


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    for name, digest in files.items():
        path = folder / name
        if not path.is_file():
            raise BundleError(f"The bundle {folder} is incomplete: {name} is missing. Train or copy it again.")
        if _sha256(path) != digest:
            raise BundleError(f"The bundle {folder} is corrupt: {name} is not what was written. Copy it again.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found
