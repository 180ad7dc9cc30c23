"""Folders and files that change whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Gives an empty folder to write in, which takes the place of `folder` when all went well.

    After an error, the old folder is as it was and nothing else is left. Two renames make the change, so for
    an instant there is no folder: a process killed just then leaves the old one beside it, under a hidden
    name.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    token = uuid.uuid4().hex[:8]
    fresh, old = (folder.with_name(f".{folder.name}.{token}.{word}") for word in ("new", "old"))
    fresh.mkdir()
    try:
        yield fresh
        with suppress(FileNotFoundError):
            folder.rename(old)
        try:
            fresh.rename(folder)
        except OSError:
            _put_back(old, folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_whole(path: Path, contents: bytes) -> None:
    """Writes a file under another name first and renames it: who reads `path` never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.new")
    try:
        fresh.write_bytes(contents)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _put_back(old: Path, folder: Path) -> None:
    with suppress(FileNotFoundError):
        old.rename(folder)
