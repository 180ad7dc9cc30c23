"""A `.keras` file that keeps weights in half where that loses nothing."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

WEIGHTS = "model.weights.h5"


def halve_archive(path: Path) -> None:
    """Stores float32 weights as float16 whose values all stay the same; `keras.saving.load_model` reads it as before.

    Args:
        path: A `.keras` file; rewritten.
    """
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[WEIGHTS] = _halved_file(contents[WEIGHTS])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def _halved_file(content: bytes) -> bytes:
    fresh = io.BytesIO()
    with h5py.File(io.BytesIO(content), "r") as old, h5py.File(fresh, "w") as new:
        _copy(old, new)
    return fresh.getvalue()


def _copy(old: h5py.Group, new: h5py.Group) -> None:
    new.attrs.update(old.attrs)
    for name, item in old.items():
        if isinstance(item, h5py.Group):
            _copy(item, new.create_group(name))
            continue
        value = item[()]
        new.create_dataset(name, data=halved(value)).attrs.update(item.attrs)


def halved(value: np.ndarray) -> np.ndarray:
    """A float32 array as float16 where all values stay the same; else what it was."""
    if value.dtype != np.float32 or not value.ndim or not np.abs(value).max(initial=0) <= np.finfo(np.float16).max:
        return value
    half = value.astype(np.float16)
    return half if np.array_equal(half, value) else value
