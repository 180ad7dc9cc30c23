"""Vectors kept as float32, float16 or int8 numbers, in memory or mapped from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self, get_args

import numpy as np

from product_matching._types import FloatArray
from product_matching.errors import BundleError, ConfigError, unknown_name

VectorType = Literal["float32", "float16", "int8"]
FILE, SCALES = "vectors.npy", "vector_scales.npy"
BLOCK_ROWS = 1 << 14
"""Rows that are widened to float32 at a time: 16 MiB of 256 numbers, which a cache partly holds."""
_HIGHEST = 127


class StoredVectors:
    """N vectors of D numbers in the type that they are kept in; whoever reads rows gets float32.

    int8 is symmetric, with a scale a vector: x ≈ scale · code, scale = max |x| / 127, so a number is off by half a
    scale at most. float16 keeps eleven bits: enough for unit vectors, which need no wider range (bfloat16 keeps eight).

    >>> StoredVectors.encoded(np.array([[0.6, -0.8]], np.float32), "int8")[:]
    array([[ 0.5984252, -0.8      ]], dtype=float32)

    Args:
        values: float32, float16 or int8 [N, D].
        scales: Of int8, float32 [N].
    """

    def __init__(self, values: np.ndarray, scales: FloatArray | None = None) -> None:
        self.values, self.scales = values, scales
        self.shape: tuple[int, int] = values.shape

    @classmethod
    def encoded(cls, vectors: FloatArray, kind: str) -> Self:
        """Keeps float32 vectors [N, D] in another type; encoding anew what was decoded changes nothing.

        Raises:
            ConfigError: If the type is not known.
        """
        check_type(kind)
        if kind != "int8":
            return cls(vectors.astype(kind, copy=False))
        scales = np.abs(vectors).max(axis=1, initial=0) / np.float32(_HIGHEST)
        codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None])
        return cls(codes.astype(np.int8), scales.astype(np.float32))

    @property
    def kind(self) -> str:
        """A `VectorType`."""
        return str(self.values.dtype)

    @property
    def bytes_per_vector(self) -> int:
        """What one takes, on disk and in memory."""
        return self.shape[1] * self.values.itemsize + (0 if self.scales is None else self.scales.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice | np.ndarray) -> FloatArray:
        """These rows as float32: the stored numbers themselves where they are that, without a copy of a slice."""
        found = self.values[rows].astype(np.float32, copy=False)
        return found if self.scales is None else found * self.scales[rows][..., None]

    def inner(self, queries: FloatArray, rows: slice | np.ndarray) -> FloatArray:
        """Inner products of queries, float32 [Q, D], or one, [D], with these rows: float32 [Q, n] or [n]."""
        found = queries @ self.values[rows].astype(np.float32, copy=False).T
        return found if self.scales is None else found * self.scales[rows]

    @property
    def block_rows(self) -> int:
        """So many rows may be widened at once: all of them where they are float32."""
        return max(len(self), 1) if self.kind == "float32" else BLOCK_ROWS

    def blocks(self) -> Iterator[slice]:
        """All rows in pieces of `block_rows`."""
        for start in range(0, len(self), self.block_rows):
            yield slice(start, min(start + self.block_rows, len(self)))

    def save(self, folder: Path) -> None:
        """Writes `vectors.npy` and, for int8, `vector_scales.npy`."""
        np.save(folder / FILE, self.values)
        if self.scales is not None:
            np.save(folder / SCALES, self.scales)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Maps the files into memory: pages are read when a search first touches them.

        Raises:
            BundleError: If a file is missing or does not hold what it should.
        """
        values = _mapped(folder / FILE)
        if values.ndim != 2 or str(values.dtype) not in get_args(VectorType):
            raise BundleError(
                f"{folder / FILE} must hold {', '.join(get_args(VectorType))} [N, D], "
                f"not {values.dtype} {list(values.shape)}. Build the index again."
            )
        if values.dtype != np.int8:
            return cls(values)
        scales = _mapped(folder / SCALES)
        if scales.shape != values.shape[:1] or scales.dtype != np.float32:
            raise BundleError(
                f"{folder / SCALES} must hold float32 [{len(values)}], not {scales.dtype} {list(scales.shape)}. "
                "Build the index again."
            )
        return cls(values, scales)


def check_type(kind: str) -> None:
    """Refuses what is no `VectorType`."""
    if kind not in get_args(VectorType):
        raise ConfigError(unknown_name("type of vectors", kind, get_args(VectorType)))


def _mapped(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read ({error}). Build the index again.") from error
