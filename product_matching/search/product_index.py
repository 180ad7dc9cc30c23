"""Products found by their vectors: ids and attributes around a vector index."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from product_matching._folders import replaced_folder
from product_matching.errors import BundleError, DataError, MissingExtraError
from product_matching.search.backends import BACKENDS, build_backend, choose_backend
from product_matching.search.exact import ExactIndex
from product_matching.search.filters import Filter, mask
from product_matching.search.product_table import Hit, ProductTable
from product_matching.search.protocol import VectorIndex, as_queries, check_k
from product_matching.search.storage import (
    read_meta,
    read_products,
    write_meta,
    write_products,
)

_logger = logging.getLogger(__name__)


class ProductIndex:
    """Product vectors, their ids and attributes, and the index that searches them.

    >>> shop = pd.DataFrame({"product_id": ["a", "b"], "colour": ["red", "blue"]})
    >>> index = ProductIndex.build(np.eye(2), shop)
    >>> index.search([0.3, 0.9], k=1)[0][0].product_id
    'b'
    >>> index.search([0.3, 0.9], filters=[Filter("colour", "=", ("red",))])[0][0].product_id
    'a'
    """

    def __init__(self, exact: ExactIndex, products: ProductTable, *, backend: VectorIndex) -> None:
        self.exact, self.products, self.backend = exact, products, backend

    @classmethod
    def build(cls, vectors: ArrayLike, products: pd.DataFrame, *, backend: str = "auto", seed: int = 0) -> Self:
        """Indexes one vector a product.

        Args:
            vectors: Float `[N, D]`, in the order of the table; normalised, if scores should be cosines.
            products: N rows; `product_id` is unique, the other columns are attributes.
            backend: `"exact"`, `"scann"`, or `"auto"` for the one that suits the size.
            seed: Of what the backend draws at random.

        Raises:
            ConfigError: If the backend is not known.
            DataError: If the vectors do not fit the table, or an id is missing or repeated.
            MissingExtraError: If the backend's library is not installed.
        """
        exact, table = ExactIndex.build(vectors), ProductTable(products)
        if not exact.size:
            raise DataError("There is no product to index.")
        if exact.size != len(table):
            raise DataError(f"There are {exact.size} vectors for {len(table)} products.")
        chosen = choose_backend(backend, exact.size)
        index = exact if chosen == "exact" else build_backend(chosen, exact.vectors, seed=seed)
        return cls(exact, table, backend=index)

    @property
    def product_ids(self) -> list[str]:
        """The ids, in the order of the vectors."""
        return self.products.ids

    @property
    def size(self) -> int:
        """How many products it holds."""
        return self.exact.size

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self.exact.dim

    @property
    def backend_name(self) -> str:
        """The key of its backend in `BACKENDS`."""
        return next(name for name, kind in BACKENDS.items() if type(self.backend) is kind)

    def search(
        self,
        query: ArrayLike,
        *,
        k: int = 10,
        filters: Sequence[Filter] = (),
        exclude_ids: Iterable[str] = (),
    ) -> list[list[Hit]]:
        """Finds the best k products of each query.

        Filters apply before the ranking, with exact search over what is left: k come back where k exist.

        Args:
            query: Float `[D]` or `[Q, D]`.
            k: How many to return.
            filters: Conditions that a product must meet, all of them.
            exclude_ids: Products not to return; unknown ids are allowed, as in an old history.

        Returns:
            A list a query (one list for `[D]`), the best product first.

        Raises:
            ConfigError: If k is below 1.
            DataError: If a query has another length or holds nan, or a filter names no attribute.
        """
        check_k(k)
        vectors = as_queries(query, self.dim)
        excluded = self.products.known_positions(exclude_ids)
        # Asked for this many more, k are left when the excluded ones are struck out.
        wanted = min(k + len(excluded), self.size)
        if filters:
            allowed = np.flatnonzero(mask(filters, self.products.attributes))
            positions, scores = self.exact.search(vectors, wanted, subset=allowed)
        else:
            positions, scores = self.backend.search(vectors, wanted)
        kept = (positions >= 0) & ~np.isin(positions, excluded)
        return [
            self.products.hits(row[keep][:k], line[keep][:k])
            for row, line, keep in zip(positions, scores, kept, strict=True)
        ]

    def vectors_of(self, ids: Sequence[str]) -> np.ndarray:
        """Returns the vectors of these products, float32 `[n, D]`.

        Raises:
            DataError: If an id is not in the index.
        """
        return self.exact.vectors[self.products.positions(ids)]

    def save(self, folder: Path | str) -> None:
        """Writes the index into a folder, in place of what was there, whole or not at all.

        Raises:
            DataError: If the attributes cannot be written as Parquet.
        """
        with replaced_folder(Path(folder)) as fresh:
            self.exact.save(fresh)
            write_products(fresh, self.products.frame)
            if self.backend is not self.exact:
                self.backend.save(fresh / self.backend_name)
            shape = {"size": self.size, "dim": self.dim}
            write_meta(fresh, {"backend": self.backend_name, **shape, "info": self.backend.info})

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Reads what `save` wrote; where the backend's library is missing, searches exactly instead.

        Raises:
            BundleError: If a file is missing, damaged, of a newer format, or does not fit the others.
        """
        folder = Path(folder)
        meta, exact, frame = read_meta(folder), ExactIndex.load(folder), read_products(folder)
        try:
            products, size = ProductTable(frame), (int(meta["size"]), int(meta["dim"]))
            kind = BACKENDS[meta["backend"]]
        except (DataError, KeyError, TypeError, ValueError) as error:
            raise BundleError(f"The index in {folder} is damaged ({error}). Build it again.") from error
        if (exact.size, exact.dim) != size or len(products) != exact.size:
            raise BundleError(
                f"The files in {folder} do not belong together: {exact.size} vectors of {exact.dim}, "
                f"{len(products)} products, and {size[0]} of {size[1]} announced. Build the index again."
            )
        return cls(exact, products, backend=_load_backend(kind, folder / meta["backend"], exact=exact))


def _load_backend(kind: type[VectorIndex], folder: Path, *, exact: ExactIndex) -> VectorIndex:
    if kind is ExactIndex:
        return exact
    try:
        backend = kind.load(folder)
    except MissingExtraError as error:
        _logger.warning("Searching exactly instead, which is slower: %s", error)
        return exact
    if (backend.size, backend.dim) != (exact.size, exact.dim):
        raise BundleError(f"{folder} was built for other vectors. Build the index again.")
    return backend
