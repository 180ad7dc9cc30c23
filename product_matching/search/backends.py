"""The index backends by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from product_matching.errors import ConfigError, unknown_name
from product_matching.search.exact import ExactIndex
from product_matching.search.milvus_index import MilvusIndex
from product_matching.search.protocol import VectorIndex
from product_matching.search.scann_index import SMALLEST, ScannIndex, scann_available

AUTO = "auto"
BACKENDS: dict[str, type[VectorIndex]] = {"exact": ExactIndex, "scann": ScannIndex, "milvus": MilvusIndex}


def choose_backend(name: str, size: int) -> str:
    """Returns a key of `BACKENDS`: the name itself, or for `"auto"` the one that suits the size.

    Auto takes ScaNN where it is installed and there are 1000 vectors or more, and exact search elsewhere.

    Raises:
        ConfigError: If the name is not known.
    """
    if name == AUTO:
        return "scann" if size >= SMALLEST and scann_available() else "exact"
    if name not in BACKENDS:
        raise ConfigError(unknown_name("index backend", name, [AUTO, *BACKENDS]))
    return name


def build_backend(
    name: str,
    vectors: np.ndarray,
    *,
    seed: int = 0,
    vector_type: str = "float32",
    tuning_queries: np.ndarray | None = None,
) -> VectorIndex:
    """Builds the index of that name (a key of `BACKENDS`, or `"auto"`) over vectors, float32 `[N, D]`.

    Exact search and ScaNN keep them as `vector_type`; Milvus has settings of its own for that. ScaNN is tuned to
    `tuning_queries`, float32 `[Q, D]`, where they are known.
    """
    kind = BACKENDS[choose_backend(name, len(vectors))]
    options: dict[str, Any] = {} if kind is MilvusIndex else {"vector_type": vector_type}
    options |= {"tuning_queries": tuning_queries} if kind is ScannIndex else {}
    return kind.build(vectors, seed=seed, **options)


def name_of(index: VectorIndex) -> str:
    """The key of an index's class in `BACKENDS`."""
    return next(name for name, kind in BACKENDS.items() if type(index) is kind)
