"""From what probability on a product counts as found: measured on queries that have an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from product_matching._types import FloatArray
from product_matching.bundle import Bundle
from product_matching.dataset import Catalog
from product_matching.search.product_index import ProductIndex

QUERIES = 200
MISSED = 0.01
"""Share of the queries with an answer that may be told that nothing matches."""
TEXT, IMAGE = "text", "image"


def least_probabilities(bundle: Bundle, catalog: Catalog, index: ProductIndex, *, seed: int = 0) -> dict[str, float]:
    """The probability that the best result of a sensible query reaches in all but a hundredth of cases.

    Sensible queries are a few words of a product's title, or a product's picture; what they find beside the product
    itself is the answer. That errs on the side of showing something.

    Returns:
        For `"text"` and `"image"`, where the catalogue has titles and pictures.
    """
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.choice(index.size, min(QUERIES, index.size), replace=False))
    found: dict[str, float] = {}
    titles = [(row, _few_words(str(catalog.table["title"].iloc[row]), generator)) for row in rows]
    pictures = catalog.image_paths()
    paths = [(row, pictures[row]) for row in rows if pictures[row]]
    if texts := [pair for pair in titles if pair[1]]:
        vectors = bundle.encoders.embed_text([text for _, text in texts])
        found[TEXT] = _least(bundle, index, vectors, [row for row, _ in texts])
    if paths:
        vectors = bundle.encoders.embed_image([Path(path).read_bytes() for _, path in paths])
        found[IMAGE] = _least(bundle, index, vectors, [row for row, _ in paths])
    return found


def _few_words(title: str, generator: np.random.Generator) -> str:
    words = title.split()
    if not words:
        return ""
    count = int(generator.integers(1, min(3, len(words)) + 1))
    return " ".join(words[place] for place in np.sort(generator.choice(len(words), count, replace=False)))


def _least(bundle: Bundle, index: ProductIndex, vectors: FloatArray, rows: list[int]) -> float:
    best = []
    for hits, row in zip(index.search(vectors, k=2), rows, strict=True):
        others = [hit.score for hit in hits if hit.product_id != index.product_ids[row]]
        best.append(max(others, default=hits[0].score))
    head = bundle.head
    probabilities = head.probability(head.score(np.array(best, np.float32)), head.reach(vectors))
    return float(np.quantile(probabilities, MISSED))
