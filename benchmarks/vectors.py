"""Vectors of real products for the benchmarks of indexes: titles through a pretrained text encoder, cached on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

NOISE = 0.6
"""Length of what is added to a copied vector, as a share of its own: copies are neighbours, not twins."""


def product_vectors(catalog: Path, encoder: str, cache: Path, *, dim: int = 256) -> np.ndarray:
    """Unit vectors of a catalogue's distinct titles, float32 [N, dim].

    The encoder's own dimensions are turned to their principal axes and the first `dim` are kept.

    Args:
        catalog: Table with a column `title`.
        encoder: What `TextEncoder.from_pretrained` takes.
        cache: File that keeps the encoder's vectors for the next run.
        dim: Numbers a vector.
    """
    if not cache.is_file():
        import product_matching as pm

        titles = list(dict.fromkeys(pm.load_data(catalog).table["title"]))
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.save(cache, pm.TextEncoder.from_pretrained(encoder).encode(titles))
    vectors = np.load(cache).astype(np.float64)
    vectors -= vectors.mean(axis=0)
    axes = np.linalg.eigh(vectors.T @ vectors)[1][:, ::-1]
    return unit(vectors @ axes[:, :dim])


def grown(vectors: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """`size` unit vectors, float32: the real ones first, then noisy copies of them."""
    if size <= len(vectors):
        return vectors[generator.choice(len(vectors), size, replace=False)]
    more = vectors[generator.integers(len(vectors), size=size - len(vectors))]
    return np.concatenate([vectors, noisy(more, generator)])


def noisy(vectors: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Unit vectors near those given, float32 of their shape."""
    noise = generator.standard_normal(vectors.shape, dtype=np.float32) * np.abs(vectors).mean(axis=0)
    return unit(vectors + NOISE * unit(noise))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Divides rows by their length, float32."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
