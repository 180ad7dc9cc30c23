"""From a catalogue to the index of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from product_matching._types import FloatArray
from product_matching.bundle import Bundle, Encoders, SignatureEncoders
from product_matching.dataset import Catalog
from product_matching.metrics.reach import Bank
from product_matching.search.calibrating import least_probabilities, references, sensible_queries
from product_matching.search.part_weights import part_weights, unseen_queries
from product_matching.search.product_index import ProductIndex
from product_matching.search.stored_vectors import check_type

WORDS = ("title", "description", "tags")
BATCH_SIZE = 256


def build_index(
    bundle: Bundle,
    catalog: Catalog,
    *,
    backend: str = "auto",
    vector_type: str = "float32",
    vectors: FloatArray | None = None,
    text_vectors: FloatArray | None = None,
    progress: Callable[[int], None] | None = None,
) -> ProductIndex:
    """Embeds each product with all it has, indexes the vectors, and writes the index into the bundle.

    Args:
        bundle: Whose encoders embed, and where the index goes; an index that is there is replaced.
        catalog: The products.
        backend: `"auto"`, `"exact"`, `"scann"` or `"milvus"`.
        vector_type: `"float32"`, `"float16"` or `"int8"`; see `ProductIndex.build`.
        vectors: R_i of each product, float32 [N, D], where they are known already; see `deploy.embedding`.
        text_vectors: Of each product's words alone, float32 [N, D], where they are known already; see `embed_texts`.
        progress: Called with the number of products embedded so far.
    """
    check_type(vector_type)  # before the long work
    products = catalog.table.assign(image=catalog.image_paths())
    if vectors is None:
        vectors = embed_products(bundle, catalog, progress=progress)
    if text_vectors is None:
        text_vectors = embed_texts(bundle.encoders, rows_to_embed(catalog))
    asked = sensible_queries(bundle, catalog)
    ids = products["product_id"].tolist()
    banks = {kind: Bank.of(some.vectors, [ids[row] for row in some.rows]) for kind, some in asked.items()}
    made: dict[str, Any] = {"backend": backend, "vector_type": vector_type, "text_vectors": text_vectors}
    seen = bundle.trained_on(catalog.groups())
    index = ProductIndex.build(vectors, products, queries=banks, seen=seen, **made)
    index.least_probability = least_probabilities(bundle, index, asked)
    index.word_weight, index.text_weight = part_weights(index, unseen_queries(bundle, catalog), catalog)
    if not index.text_weight:
        index.text_vectors = None
    index.references = references(bundle.head, index, asked)
    index.save(bundle.index_folder)
    return index


def embed_products(
    bundle: Bundle, catalog: Catalog, *, batch_size: int = BATCH_SIZE, progress: Callable[[int], None] | None = None
) -> FloatArray:
    """R_i of each product, by the exported encoders: float32 [N, D]."""
    return embed_rows(bundle.encoders, rows_to_embed(catalog), batch_size=batch_size, progress=progress)


def embed_texts(encoders: SignatureEncoders, rows: pd.DataFrame) -> FloatArray:
    """The vectors of the words of rows as of `rows_to_embed`, as of queries: float32 [N, D]; zeros without words."""
    return encoders.embed_text([words_in_one(*row) for row in rows[list(WORDS)].itertuples(index=False)])


def words_in_one(title: str, description: str, tags: str) -> str:
    """A product's words as one text. Tags stand before the description, as a tower reads so many tokens and no more.

    >>> words_in_one("MLA Easel", "For children.", "easel|white")
    'MLA Easel. easel, white. For children.'
    """
    return ". ".join(part for part in (title, tags.replace("|", ", "), description) if part)


def rows_to_embed(catalog: Catalog) -> pd.DataFrame:
    """What is embedded of each product: `product_id`, `image` (the path of its picture, or ""), and its words."""
    return catalog.table[["product_id", *WORDS]].assign(image=catalog.image_paths()).reset_index(drop=True)


def embed_rows(
    encoders: Encoders,
    rows: pd.DataFrame,
    *,
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int], None] | None = None,
) -> FloatArray:
    """The vectors of rows as of `rows_to_embed`: float32 [N, D].

    Args:
        encoders: Of a bundle.
        rows: The products.
        batch_size: Products whose pictures are read at a time.
        progress: Called with the number of products embedded so far.
    """
    vectors = []
    for start in range(0, len(rows), batch_size):
        part = rows.iloc[start : start + batch_size]
        images = [Path(path).read_bytes() if path else b"" for path in part["image"]]
        vectors.append(encoders.embed_product(images, *(part[name].tolist() for name in WORDS)))
        if progress:
            progress(start + len(part))
    return np.concatenate(vectors)
