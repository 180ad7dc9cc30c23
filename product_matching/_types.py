"""Shapes that floors share without importing each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]
Tensor: TypeAlias = Any
"""A tensor of whichever Keras backend runs."""


class CatalogStatistics(Protocol):
    """What a model learns from a catalogue before it sees an image: its words and its tags."""

    def texts(self) -> Iterator[str]:
        """Yields the title and the description of each product, one string a product."""

    def tag_lists(self) -> Iterable[list[str]]:
        """Yields the tags of each product."""

    def boilerplate(self, share: float, *, compatibility: bool = True) -> list[str]:
        """Finds sentences that at least this share of the descriptions of one brand or seller repeat."""
