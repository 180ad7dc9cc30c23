"""Arrays that are computed once and kept: a folder of .npy files, mapped into memory, there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

Allocate = Callable[[str, Sequence[int], DTypeLike], np.ndarray]
"""Gives an array of zeros by its name, shape and dtype."""


def in_memory(name: str, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
    """An `Allocate` that keeps nothing."""
    return np.zeros(tuple(shape), dtype)


@contextmanager
def written_arrays(folder: Path) -> Iterator[Allocate]:
    """What is allocated in here lies in the folder afterwards, if nothing went wrong."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()

    def allocate(name: str, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        return np.lib.format.open_memmap(fresh / f"{name}.npy", "w+", dtype, tuple(shape))

    try:
        yield allocate
        if not folder.is_dir():  # else another process was faster
            folder.unlink(missing_ok=True)  # a link that leads nowhere any more
            fresh.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def linked_arrays(link: Path, folder: Path) -> None:
    """Lets a second name stand for a folder beside it, unless something lies there."""
    if not link.is_dir():
        link.unlink(missing_ok=True)  # it led to a folder that somebody has removed
        with suppress(FileExistsError):  # another process was faster
            link.symlink_to(folder.name, target_is_directory=True)


def read_arrays(folder: Path) -> dict[str, np.ndarray]:
    """What lies in a folder of `written_arrays`; of an array only what is looked at is read."""
    return {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
