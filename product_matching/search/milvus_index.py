"""Search by Milvus: embedded (milvus-lite) in a file, or a cluster by its address. No other file knows pymilvus."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import uuid
import weakref
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from product_matching._optional import require
from product_matching.errors import BundleError
from product_matching.search.measuring import K, measured_recall
from product_matching.search.protocol import as_vectors, check_k, in_order

ADDRESS = "PRODUCT_MATCHING_MILVUS"
"""Environment variable with the address of a cluster, as `http://host:19530`, and `..._TOKEN` for its token; without it
Milvus runs in this process, on a file of the index."""
META, VECTORS, FILE = "milvus_index.json", "milvus_vectors.npy", "milvus.db"
COLLECTION = "product_matching"
INSERTED, ASKED = 2000, 256  # rows of one call
MEASURED = 100
MOST_RESULTS = 16_384  # Milvus' own limit of one search


class MilvusIndex:
    """One Milvus collection of positions and vectors, compared by inner product.

    The saved folder holds the vectors and the collection's name; loading fills the collection where the server does not
    have it, so a folder can be moved, and another cluster used.
    """

    def __init__(self, vectors: np.ndarray, *, collection: str, info: dict[str, Any] | None = None) -> None:
        self.vectors = vectors
        self.size, self.dim = vectors.shape
        self.collection, self.info = collection, info or {}
        self._client = self._connected()
        self._fill()

    @classmethod
    def build(cls, vectors: ArrayLike, *, seed: int = 0) -> Self:
        """Puts float vectors `[N, D]` into a new collection, and measures its recall@10 on a sample drawn by the seed.

        Raises:
            DataError: If they hold nan.
            MissingExtraError: If pymilvus is not installed.
        """
        table = as_vectors(vectors)
        index = cls(table, collection=f"{COLLECTION}_{uuid.uuid4().hex[:12]}")
        index.info[f"recall@{K}"] = measured_recall(index, table, queries=MEASURED, seed=seed)
        return index

    def search(self, queries: ArrayLike, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Finds the best k of each query, float `[Q, D]`; see `VectorIndex.search`."""
        check_k(k)
        vectors = as_vectors(queries, dim=self.dim, what="queries")
        wanted = min(k, self.size, MOST_RESULTS)
        positions = np.full((len(vectors), max(wanted, 1)), -1, np.int64)
        scores = np.full(positions.shape, -np.inf, np.float32)
        for start in range(0, len(vectors), ASKED):
            found = self._client.search(
                self.collection, data=vectors[start : start + ASKED].tolist(), limit=wanted, anns_field="vector"
            )
            for row, hits in enumerate(found, start):
                places = np.array([hit["id"] for hit in hits], np.int64)
                positions[row, : len(places)] = places
                # Computed here, so that scores of all backends agree to the last digits.
                scores[row, : len(places)] = self.vectors[places] @ vectors[row]
        return in_order(positions, scores, k)

    def save(self, folder: Path) -> None:
        """Writes the vectors and the collection's name."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / VECTORS, self.vectors)
        meta = {"size": self.size, "dim": self.dim, "collection": self.collection, "info": self.info}
        (folder / META).write_text(json.dumps(meta, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            BundleError: If a file is missing or damaged.
            MissingExtraError: If pymilvus is not installed.
        """
        folder = Path(folder)
        try:
            meta = json.loads((folder / META).read_text(encoding="utf-8"))
            vectors = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
            size, name, info = (int(meta["size"]), int(meta["dim"])), str(meta["collection"]), dict(meta["info"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"The Milvus index in {folder} cannot be read ({error}). Build it again.") from error
        if vectors.shape != size or vectors.dtype != np.float32:
            raise BundleError(f"The Milvus index in {folder} holds {vectors.shape} numbers, not {size}.")
        return cls(np.asarray(vectors), collection=name, info=info)

    def _connected(self) -> Any:
        library = require("pymilvus", "milvus")
        if address := os.environ.get(ADDRESS):
            return library.MilvusClient(address, token=os.environ.get(f"{ADDRESS}_TOKEN", ""))
        require("milvus_lite", "milvus")
        folder = tempfile.mkdtemp(prefix="product_matching_milvus_")
        client = library.MilvusClient(str(Path(folder) / FILE))
        weakref.finalize(self, _closed, client, folder)
        return client

    def _fill(self) -> None:
        client = self._client
        if client.has_collection(self.collection):
            return
        library = require("pymilvus", "milvus")
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", library.DataType.INT64, is_primary=True)
        schema.add_field("vector", library.DataType.FLOAT_VECTOR, dim=self.dim)
        index = client.prepare_index_params()
        # AUTOINDEX is what a cluster tunes itself; the embedded one has it, too.
        index.add_index("vector", index_type="AUTOINDEX", metric_type="IP")
        client.create_collection(self.collection, schema=schema, index_params=index, consistency_level="Strong")
        for start in range(0, self.size, INSERTED):
            rows = self.vectors[start : start + INSERTED].tolist()
            client.insert(self.collection, [{"id": start + at, "vector": row} for at, row in enumerate(rows)])
        client.load_collection(self.collection)


def _closed(client: Any, folder: str) -> None:
    client.close()
    shutil.rmtree(folder, ignore_errors=True)
