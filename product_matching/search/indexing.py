"""From a catalogue to the index of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from product_matching._types import FloatArray
from product_matching.bundle import Bundle
from product_matching.dataset import Catalog
from product_matching.search.calibrating import least_probabilities
from product_matching.search.product_index import ProductIndex


def build_index(
    bundle: Bundle,
    catalog: Catalog,
    *,
    backend: str = "auto",
    progress: Callable[[int], None] | None = None,
) -> ProductIndex:
    """Embeds each product with all it has, indexes the vectors, and writes the index into the bundle.

    Args:
        bundle: Whose encoders embed, and where the index goes; an index that is there is replaced.
        catalog: The products.
        backend: `"auto"`, `"exact"`, `"scann"` or `"milvus"`.
        progress: Called with the number of products embedded so far.
    """
    products = catalog.table.assign(image=catalog.image_paths())
    index = ProductIndex.build(embed_products(bundle, catalog, progress=progress), products, backend=backend)
    index.least_probability = least_probabilities(bundle, catalog, index)
    index.save(bundle.index_folder)
    return index


def embed_products(
    bundle: Bundle, catalog: Catalog, *, batch_size: int = 256, progress: Callable[[int], None] | None = None
) -> FloatArray:
    """R_i of each product, by the exported encoders: float32 [N, D]."""
    table, paths = catalog.table, catalog.image_paths()
    rows = []
    for start in range(0, len(table), batch_size):
        part = table.iloc[start : start + batch_size]
        images = [Path(path).read_bytes() if path else b"" for path in paths[start : start + batch_size]]
        words = [part[name].tolist() for name in ("title", "description", "tags")]
        rows.append(bundle.encoders.embed_product(images, *words))
        if progress:
            progress(start + len(part))
    return np.concatenate(rows)
