"""A map of the joint space: products that lie near each other in it lie near each other on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from product_matching._types import FloatArray
from product_matching.dataset import Catalog
from product_matching.dataset.thumbnails import thumbnail

DOTS, KINDS = 1200, 7
COLUMNS, ROWS, SIDE = 14, 10, 48
"""Cells of the map, each with one picture, and a picture's side in the map's units."""
WIDTH, HEIGHT = COLUMNS * (SIDE + 2), ROWS * (SIDE + 2)


def space_map(catalog: Catalog, vectors: FloatArray, *, category: str = "", seed: int = 0) -> dict[str, Any]:
    """The products' vectors on their first two principal components.

    Args:
        catalog: N products.
        vectors: float32 [N, D], such as `views["product"]`.
        category: Column that names the kind of goods.
        seed: Of the sample.

    Returns:
        `width`, `height`; `kinds`: the most frequent ones; `dots`: (x, y, place in `kinds` or -1) of at most 1,200
        products; `pictures`: (x, y, data address, title), one for each cell that has a product; `explained`: the
        share of the variance that the two directions hold.
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(catalog))[:DOTS])
    places, explained = principal_plane(vectors)
    # The ends are those of nearly all: a few far ones would squeeze the others into a heap.
    low, high = np.quantile(places, [0.01, 0.99], axis=0)
    placed = np.clip((places - low) / np.maximum(high - low, 1e-12), 0, 1)[chosen]
    part = catalog.take(chosen)
    names = part.categories(category).to_numpy().astype(str)
    values, counts = np.unique(names[names != ""], return_counts=True)
    kinds = values[np.argsort(-counts, kind="stable")][:KINDS].tolist()
    number = {kind: place for place, kind in enumerate(kinds)}
    x, y = placed[:, 0] * (WIDTH - SIDE) + SIDE / 2, (1 - placed[:, 1]) * (HEIGHT - SIDE) + SIDE / 2
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "side": SIDE,
        "kinds": kinds,
        "dots": [
            (round(a, 1), round(b, 1), number.get(k, -1)) for a, b, k in zip(x.tolist(), y.tolist(), names, strict=True)
        ],
        "pictures": _pictures(part, x, y),
        "explained": explained,
    }


def principal_plane(vectors: FloatArray) -> tuple[np.ndarray, float]:
    """Coordinates float64 [N, 2] on the two directions of most variance, and the share of the variance they hold."""
    centred = np.asarray(vectors, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    # The D x D covariance is small however many products there are.
    variance, directions = np.linalg.eigh(centred.T @ centred)
    total = variance.clip(0).sum()
    return centred @ directions[:, ::-1][:, :2], float(variance[-2:].sum() / total) if total > 0 else 0.0


def _pictures(catalog: Catalog, x: np.ndarray, y: np.ndarray) -> list[tuple[float, float, str, str]]:
    """The product nearest to the middle of each cell of the map."""
    cell = SIDE + 2
    column, row = (x // cell).astype(int), (y // cell).astype(int)
    away = np.hypot(x - (column + 0.5) * cell, y - (row + 0.5) * cell)
    paths, titles = catalog.image_paths(), catalog.table["title"].tolist()
    best: dict[tuple[int, int], int] = {}
    for product in np.argsort(away, kind="stable"):
        if paths[product]:
            best.setdefault((int(column[product]), int(row[product])), int(product))
    found = []
    for (across, down), product in best.items():
        picture = thumbnail(paths[product], 2 * SIDE)
        if picture:
            found.append((across * cell + 1.0, down * cell + 1.0, picture, titles[product]))
    return found
