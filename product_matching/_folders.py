"""Folders and files that change whole or not at all."""

from __future__ import annotations

import ctypes
import glob
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

AT_FDCWD, SWAP = -100, 2
A_DAY = 86_400


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Gives an empty folder to write in, which takes the place of `folder` when all went well.

    After an error, the old folder is as it was and nothing else is left. The two change places in one step, so that a
    process may be killed at any moment (it leaves a hidden folder, which the next writer a day later clears away). Only
    where the system cannot do that, two renames make the change, and for an instant there is no folder.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    token = uuid.uuid4().hex[:8]
    fresh, old = (folder.with_name(f".{folder.name}.{token}.{word}") for word in ("new", "old"))
    _clear_leftovers(folder)
    fresh.mkdir()
    try:
        yield fresh
        if _exchanged(fresh, folder):
            return
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


def _exchanged(fresh: Path, folder: Path) -> bool:
    """Lets two folders change places in one step; False where the system cannot, or one is missing."""
    libc, names = ctypes.CDLL(None), (os.fsencode(fresh), os.fsencode(folder))
    if hasattr(libc, "renameat2"):  # Linux
        return libc.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], SWAP) == 0
    if hasattr(libc, "renamex_np"):  # macOS
        return libc.renamex_np(*names, SWAP) == 0
    return False


def _clear_leftovers(folder: Path) -> None:
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.????????.*"):
        with suppress(FileNotFoundError):
            if left.suffix in (".new", ".old") and time.time() - left.stat().st_mtime > A_DAY:
                shutil.rmtree(left, ignore_errors=True)


def _put_back(old: Path, folder: Path) -> None:
    with suppress(FileNotFoundError):
        old.rename(folder)
