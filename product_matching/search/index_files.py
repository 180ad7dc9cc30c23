"""A product index on disk: written whole, read again, searched exactly where a library is missing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from product_matching._folders import replaced_folder
from product_matching._types import FloatArray
from product_matching.errors import BundleError, DataError, MissingExtraError
from product_matching.metrics.reach import KINDS, Bank, QueryReach
from product_matching.search.backends import BACKENDS, name_of
from product_matching.search.drift import Reference
from product_matching.search.exact import ExactIndex
from product_matching.search.product_table import ProductTable
from product_matching.search.protocol import VectorIndex
from product_matching.search.ranking import TEXT_WEIGHT, WORD_WEIGHT
from product_matching.search.storage import read_meta, read_products, write_meta, write_products
from product_matching.search.words import PARTS, WordIndex

LEAST, RECALL, DRIFT = "least_probability", "recall@10", "drift"
OF_WORDS, OF_TEXTS = "word_weight", "text_weight"
TEXTS = "text_vectors"
"""Folder of the vectors of the products' words alone, with files as of the others; what `index.json` says of them."""
AXES = "drift-{}.npy"
"""The axes of a kind of queries, float32 [A, D]."""
QUERIES, MADE_OF = "queries-{}.npy", "queries-{}-made-of.npy"
"""The vectors of a kind of sensible queries, float32 [Q, D], and the ids of the products they were made of."""
REACH, SEEN, TYPICAL = "reach.npy", "seen.npy", "typical_reach"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class IndexFiles:
    """What a folder of an index holds.

    Attributes:
        exact: The vectors.
        products: Ids and attributes, in their order.
        backend: What searches the vectors; `exact` itself, or built of it.
        words: The index of words; None where none was saved.
        least_probability, vector_recall, references, query_reach, reach, seen, word_weight, text_weight,
            text_vectors: See `ProductIndex`.
    """

    exact: ExactIndex
    products: ProductTable
    backend: VectorIndex
    words: WordIndex | None
    least_probability: dict[str, float]
    vector_recall: float
    references: dict[str, Reference] = field(default_factory=dict)
    query_reach: QueryReach | None = None
    reach: FloatArray | None = None
    seen: np.ndarray | None = None
    word_weight: float = WORD_WEIGHT
    text_weight: float = TEXT_WEIGHT
    text_vectors: ExactIndex | None = None

    def write(self, folder: Path) -> None:
        """Writes them in place of what was there, whole or not at all.

        Raises:
            DataError: If the attributes cannot be written as Parquet.
        """
        name = name_of(self.backend)
        with replaced_folder(folder) as fresh:
            self.exact.save(fresh)
            if self.words is not None:
                self.words.save(fresh)
            write_products(fresh, self.products.frame)
            if self.backend is not self.exact:
                self.backend.save(fresh / name)
            shape = {"size": self.exact.size, "dim": self.exact.dim, "vectors": self.vector_info}
            for kind, reference in self.references.items():
                np.save(fresh / AXES.format(kind), reference.axes)
            learned: dict[str, Any] = {LEAST: self.least_probability, OF_WORDS: self.word_weight}
            if self.text_vectors is not None:
                (fresh / TEXTS).mkdir()
                self.text_vectors.save(fresh / TEXTS)
                learned |= {OF_TEXTS: self.text_weight, TEXTS: _kept_as(self.text_vectors)}
            if self.seen is not None:
                np.save(fresh / SEEN, self.seen)
            if self.query_reach is not None and self.reach is not None:
                _write_reach(fresh, self.query_reach, self.reach)
                learned[TYPICAL] = self.query_reach.typical
            if self.references:
                learned[DRIFT] = {kind: reference.to_dict() for kind, reference in self.references.items()}
            write_meta(fresh, {"backend": name, **shape, "info": self.backend.info, **learned})

    @property
    def vector_info(self) -> dict[str, object]:
        """What the vectors are kept as, the bytes of one, and the recall@10 that this leaves of float32's."""
        return {**_kept_as(self.exact), RECALL: self.vector_recall}


def _kept_as(vectors: ExactIndex) -> dict[str, object]:
    return {"type": vectors.stored.kind, "bytes_per_vector": vectors.stored.bytes_per_vector}


def read_index(folder: Path) -> IndexFiles:
    """Reads what `IndexFiles.write` wrote; where the backend's library is missing, searches exactly instead.

    Raises:
        BundleError: If a file is missing, damaged, of a newer format, or does not fit the others.
    """
    meta, exact, frame = read_meta(folder), ExactIndex.load(folder), read_products(folder)
    try:
        products, size = ProductTable(frame), (int(meta["size"]), int(meta["dim"]))
        kind = BACKENDS[meta["backend"]]
        recall = float(meta.get("vectors", {}).get(RECALL, 1.0))
        words, word_weight = WordIndex.load(folder), float(meta.get(OF_WORDS, WORD_WEIGHT))
        if words is None and OF_WORDS in meta:
            # Of an earlier version, whose agreement was BM25's share alone.
            word_weight *= PARTS
        weights = word_weight, float(meta.get(OF_TEXTS, TEXT_WEIGHT))
        least = {str(name): float(value) for name, value in meta.get(LEAST, {}).items()}
        references = _references(folder, meta.get(DRIFT, {}), exact.dim)
        query_reach, reach = _read_reach(folder, meta[TYPICAL], exact) if TYPICAL in meta else (None, None)
        seen = np.load(folder / SEEN, allow_pickle=False) if (folder / SEEN).is_file() else None
        if seen is not None and seen.shape != (exact.size,):
            raise ValueError(f"{SEEN} is of {len(seen)} products")
        # Those of earlier versions have none, nor those that give them no weight.
        texts = ExactIndex.load(folder / TEXTS) if TEXTS in meta else None
        if texts is not None and (texts.size, texts.dim) != (exact.size, exact.dim):
            raise ValueError(f"{TEXTS} are {texts.size} of {texts.dim} numbers")
    except (DataError, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"The index in {folder} is damaged ({error}). Build it again.") from error
    if (exact.size, exact.dim) != size or len(products) != exact.size:
        raise BundleError(
            f"The files in {folder} do not belong together: {exact.size} vectors of {exact.dim}, "
            f"{len(products)} products, and {size[0]} of {size[1]} announced. Build the index again."
        )
    dim = exact.dim if reach is None else exact.dim + len(reach)
    backend = _load_backend(kind, folder / meta["backend"], exact=exact, dim=dim)
    if words is not None and words.size != exact.size:
        raise BundleError(f"The words in {folder} are of {words.size} products. Build the index again.")
    learned = references, query_reach, reach, seen, *weights, texts
    return IndexFiles(exact, products, backend, words, least, recall, *learned)


def _references(folder: Path, kept: Mapping[str, Any], dim: int) -> dict[str, Reference]:
    """Of an index that has them; those of earlier versions have none."""
    found = {}
    for kind, distributions in kept.items():
        if kind not in KINDS:
            continue  # of a newer version
        found[kind] = Reference.from_dict(distributions, np.load(folder / AXES.format(kind), allow_pickle=False))
        if found[kind].axes.shape[1] != dim:
            raise ValueError(f"axes of {found[kind].axes.shape[1]} numbers for vectors of {dim}")
    return found


def _write_reach(folder: Path, learned: QueryReach, reach: FloatArray) -> None:
    np.save(folder / REACH, reach)
    for kind, bank in learned.banks.items():
        np.save(folder / QUERIES.format(kind), bank.vectors)
        np.save(folder / MADE_OF.format(kind), bank.made_of)


def _read_reach(
    folder: Path, typical: Mapping[str, Mapping[str, list[float]]], exact: ExactIndex
) -> tuple[QueryReach, FloatArray]:
    """Of an index that has it; those of earlier versions rank by cosines."""
    reach, banks = np.load(folder / REACH, allow_pickle=False), {}
    if reach.shape != (len(KINDS), exact.size):
        raise ValueError(f"reach of shape {reach.shape} for {exact.size} products")
    for kind in KINDS:
        if kind in typical:
            names = np.load(folder / MADE_OF.format(kind), allow_pickle=False)
            banks[kind] = Bank(np.load(folder / QUERIES.format(kind), allow_pickle=False), names)
            if banks[kind].vectors.shape != (len(names), exact.dim):
                raise ValueError(f"{len(names)} queries of shape {banks[kind].vectors.shape}")
    return QueryReach(banks, {kind: typical[kind] for kind in banks}), reach


def _load_backend(kind: type[VectorIndex], folder: Path, *, exact: ExactIndex, dim: int) -> VectorIndex:
    if kind is ExactIndex:
        return exact
    try:
        backend = kind.load(folder)
    except MissingExtraError as error:
        _logger.warning("Searching exactly instead, which is slower: %s", error)
        return exact
    if (backend.size, backend.dim) != (exact.size, dim):
        raise BundleError(f"{folder} was built for other vectors. Build the index again.")
    return backend
