"""Products found by their vectors: ids and attributes around a vector index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from product_matching._types import FloatArray
from product_matching.errors import DataError
from product_matching.metrics.reach import (
    NEITHER,
    Bank,
    QueryReach,
    Sides,
    toward,
    widened,
    widened_query,
)
from product_matching.search.backends import build_backend, choose_backend, name_of
from product_matching.search.drift import Reference
from product_matching.search.exact import ExactIndex
from product_matching.search.filters import Filter, mask
from product_matching.search.index_files import IndexFiles, read_index
from product_matching.search.measuring import measured_recall
from product_matching.search.product_table import Hit, ProductTable
from product_matching.search.protocol import VectorIndex, as_queries, as_vectors, check_k, in_order
from product_matching.search.ranking import TEXT_WEIGHT, WORD_WEIGHT, Ranking, best_places
from product_matching.search.words import WordIndex

CANDIDATES = 100
"""How many of either side a search by words and vector looks at first."""


class ProductIndex:
    """Product vectors, their ids and attributes, and the index that searches them.

    >>> shop = pd.DataFrame({"product_id": ["a", "b"], "colour": ["red", "blue"]})
    >>> index = ProductIndex.build(np.eye(2), shop)
    >>> index.search([0.3, 0.9], k=1)[0][0].product_id
    'b'
    >>> index.search([0.3, 0.9], filters=[Filter("colour", "=", ("red",))])[0][0].product_id
    'a'
    """

    def __init__(
        self, exact: ExactIndex, products: ProductTable, *, backend: VectorIndex, words: WordIndex | None = None
    ) -> None:
        self.exact, self.products, self.backend = exact, products, backend
        self._words = words
        self.least_probability: dict[str, float] = {}
        """From where on the best product of a query by "text", "unknown words" or "image" counts as found; see
        `calibrating`."""
        self.references: dict[str, Reference] = {}
        """How sensible queries by "text" and by "image" were distributed; see `drift`."""
        self.word_weight, self.text_weight = WORD_WEIGHT, TEXT_WEIGHT
        """What full agreement of words, and a cosine of 1 with `text_vectors`, add to a cosine; see `part_weights`."""
        self.text_vectors: ExactIndex | None = None
        """Of each product's words alone, in the same space; None where they are not kept."""
        self.vector_recall = 1.0
        """Recall@10 of exact search over the vectors as they are kept, against exact search in float32."""
        self.query_reach: QueryReach | None = None
        """What tells how near queries come to a product anyway; None: nobody told what is asked."""
        self.reach: FloatArray | None = None
        """That of each product, for words and for pictures, float32 [2, N]."""
        self.seen: np.ndarray | None = None
        """Whether the model was trained on each, bool [N]; None where nobody knows."""

    @property
    def words(self) -> WordIndex:
        """The index of words; made of the table where none was saved."""
        if self._words is None:
            self._words = WordIndex.build(self.products.frame)
        return self._words

    @classmethod
    def build(
        cls,
        vectors: ArrayLike,
        products: pd.DataFrame,
        *,
        backend: str = "auto",
        seed: int = 0,
        vector_type: str = "float32",
        queries: Mapping[str, Bank] | QueryReach | None = None,
        seen: np.ndarray | None = None,
        text_vectors: ArrayLike | None = None,
    ) -> Self:
        """Indexes one vector a product.

        Args:
            vectors: Float `[N, D]`, in the order of the table; normalised, if scores should be cosines.
            products: N rows; `product_id` is unique, the other columns are attributes.
            backend: `"exact"`, `"scann"`, `"milvus"`, or `"auto"` for the one that suits the size.
            seed: Of what the backend draws at random.
            vector_type: What the vectors are kept as: `"float32"`, `"float16"` or `"int8"`, a half and about a quarter
                of the bytes. What that costs in recall against float32 is measured here; see `vector_info`.
            queries: Queries as shoppers will ask them, by `"text"` and `"image"`. Of them it learns how near any query
                comes to each product (or they are what another index has learned), and an approximate backend is tuned
                to them; without, to vectors near those of the products, which are easier to find.
            seen: Bool `[N]`, whether the model was trained on each product: to those queries come nearer.
            text_vectors: Float `[N, D]`, of each product's words alone. They help to rank what a query by words finds.

        Raises:
            ConfigError: If the backend or the type is not known.
            DataError: If the vectors do not fit the table, or an id is missing or repeated.
            MissingExtraError: If the backend's library is not installed.
        """
        given = as_vectors(vectors)
        exact, table = ExactIndex.build(given, vector_type=vector_type), ProductTable(products)
        if not exact.size:
            raise DataError("There is no product to index.")
        if exact.size != len(table):
            raise DataError(f"There are {exact.size} vectors for {len(table)} products.")
        chosen = choose_backend(backend, exact.size)
        index = cls(exact, table, backend=exact)
        if text_vectors is not None:
            index.text_vectors = ExactIndex.build(text_vectors, vector_type=vector_type)
            if (index.text_vectors.size, index.text_vectors.dim) != (exact.size, exact.dim):
                raise DataError(f"text_vectors must have the shape {[exact.size, exact.dim]}.")
        index.seen, searched, tuned = seen, given, None
        if queries is not None:
            if isinstance(queries, QueryReach):
                index.query_reach, index.reach = queries, queries.of(given, table.frame, seen=seen)
            else:
                index.query_reach, index.reach = QueryReach.learned(queries, given, table.frame, seen=seen)
            searched, tuned = widened(given, index.reach), index.query_reach.tuning_queries()
        if chosen != "exact":
            made = {"seed": seed, "vector_type": vector_type, "tuning_queries": tuned}
            index.backend = build_backend(chosen, searched, **made)
        if vector_type != "float32":
            index.vector_recall = measured_recall(exact, given, seed=seed)
        return index

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
    def vector_info(self) -> dict[str, Any]:
        """What the vectors are kept as, the bytes of one, and the recall@10 that this leaves of float32's."""
        return self._files.vector_info

    @property
    def backend_name(self) -> str:
        """The key of its backend in `BACKENDS`."""
        return name_of(self.backend)

    def search(
        self,
        query: ArrayLike,
        *,
        k: int = 10,
        filters: Sequence[Filter] = (),
        exclude_ids: Iterable[str] = (),
        sides: Sides = NEITHER,
    ) -> list[list[Hit]]:
        """Finds the best k products of each query.

        Filters apply before the ranking, with exact search over what is left: k come back where k exist.

        Args:
            query: Float `[D]` or `[Q, D]`.
            k: How many to return.
            filters: Conditions that a product must meet, all of them.
            exclude_ids: Products not to return; unknown ids are allowed, as in an old history.
            sides: What part of the queries is words and what part pictures, as a shopper asks; so much of the products'
                reach is taken off. By default they are ranked by the vectors alone.

        Returns:
            A list a query (one list for `[D]`), the best product first.

        Raises:
            ConfigError: If k is below 1.
            DataError: If a query has another length or holds nan, or a filter names no attribute.
        """
        check_k(k)
        names = list(exclude_ids)
        allowed = self.allowed(filters, names) if filters else None
        found, less = self._places(as_queries(query, self.dim), k, allowed, names, sides), toward(self.reach, sides)
        if less is None:
            return [self.products.hits(positions, scores) for positions, scores in found]
        return [self.products.hits(rows, scores + less[rows], less[rows]) for rows, scores in found]

    def _places(
        self, vectors: np.ndarray, k: int, allowed: np.ndarray | None, excluded: Sequence[str], sides: Sides
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """As `search`, but positions and what ranks them, `[n]` each: rows are read only for what is shown."""
        struck = self.products.known_positions(excluded)
        # Asked for this many more, k are left when the excluded ones are struck out.
        wanted = min(k + len(struck), self.size)
        if allowed is not None and not allowed.all():
            rest, less = np.flatnonzero(allowed), toward(self.reach, sides)
            positions, scores = self.exact.search(vectors, wanted, subset=rest, less=less)
        else:
            positions, scores = self.nearest(vectors, wanted, sides)
        kept = positions >= 0
        if len(struck):
            kept &= ~np.isin(positions, struck)
        return [(row[keep][:k], line[keep][:k]) for row, line, keep in zip(positions, scores, kept, strict=True)]

    def nearest(self, vectors: np.ndarray, k: int, sides: Sides = NEITHER) -> tuple[np.ndarray, np.ndarray]:
        """What the backend finds for queries, float32 `[Q, D]`; see `VectorIndex.search`, and `search` for the sides.

        Returns:
            Positions and inner products less the products' reach.
        """
        if self.backend is self.exact:
            return self.exact.search(vectors, k, less=toward(self.reach, sides))
        asked = vectors if self.reach is None else widened_query(vectors, sides)
        if self.exact.stored.kind == "float32":
            return self.backend.search(asked, k)
        # Small vectors are coded in another way by each library, and more coarsely than here, with a scale a vector:
        # of twice as many the best by the vectors kept here.
        positions, scores = self.backend.search(asked, min(2 * k, self.size))
        less = toward(self.reach, sides)
        for row, places in enumerate(positions):
            there = places >= 0
            scores[row, there] = self.exact.inner(vectors[row], places[there])
            if less is not None:
                scores[row, there] -= less[places[there]]
        return in_order(positions, scores, k)

    def search_words(
        self,
        text: str,
        query: ArrayLike,
        *,
        share: float = 1.0,
        sides: Sides = NEITHER,
        k: int = 10,
        filters: Sequence[Filter] = (),
        exclude_ids: Iterable[str] = (),
    ) -> list[Hit]:
        """Finds the best k products by a vector and by the words it was made of, together.

        The best of either side are ranked anew by `Hit.order`: words find names and numbers that a vector blurs, the
        vector finds what nobody wrote; see `search.part_weights` for what counts how much.

        Args:
            text: The words of the query.
            query: Float `[D]`, its vector; the words may be a part of what it says.
            share: How large that part is, 0 to 1; words count so much.
            k, filters, exclude_ids, sides: As of `search`; raises what that raises.
        """
        check_k(k)
        wanted: dict[str, Any] = {"share": share, "sides": sides, "filters": filters, "exclude_ids": exclude_ids}
        ranking = self.candidates(query, text, **wanted)
        if len(ranking) < min(k, self.size):
            ranking = ranking.followed_by(self.candidates(query, text, **wanted, whole=True))
        return self.products.ranked(ranking.take(np.arange(min(k, len(ranking)))))

    def candidates(
        self,
        query: ArrayLike,
        text: str = "",
        *,
        share: float = 1.0,
        sides: Sides = NEITHER,
        filters: Sequence[Filter] = (),
        exclude_ids: Iterable[str] = (),
        whole: bool = False,
    ) -> Ranking:
        """The best 100 by the vector, the best 100 by the words and all that the words name, in one order.

        How many of them will be shown makes no difference, so pages fit together.

        Args:
            query, text, share, sides, filters, exclude_ids: As of `search_words`.
            whole: All products that may be returned, instead of the best.
        """
        vector, names = as_queries(query, self.dim), list(exclude_ids)
        worded = bool(text.strip()) and share > 0
        allowed = self.allowed(filters, names) if filters or worded or whole else None
        if whole:
            places = np.flatnonzero(allowed)
        else:
            places = self._places(vector, CANDIDATES, allowed if filters else None, names, sides)[0][0]
        words = code = np.zeros(self.size, np.float32)
        if worded:
            words = self.words.scores(text)
            words *= np.float32(share) * allowed
            named = np.array([row for row in self.words.rows_of_codes(text) if allowed[row]], np.int64)
            code = np.zeros(self.size, np.float32)
            code[named] = 1
            places = np.unique(np.concatenate([places, best_places(words, CANDIDATES), named]))
        cosines, less = self.exact.inner(vector[0], places), toward(self.reach, sides)
        reach = np.zeros(len(places), np.float32) if less is None else less[places]
        texts = np.zeros(len(places), np.float32)
        if worded and self.text_vectors is not None:
            texts = np.float32(share) * self.text_vectors.inner(vector[0], places)
        word_weight, text_weight = (np.full(len(places), weight) for weight in (self.word_weight, self.text_weight))
        found = cosines, reach, words[places], code[places], word_weight, texts, text_weight
        return Ranking(np.zeros_like(places), places, *found).sorted()

    def allowed(self, filters: Sequence[Filter], exclude_ids: Iterable[str] = ()) -> np.ndarray:
        """Which products meet the filters and are not excluded, bool [N]."""
        allowed = mask(filters, self.products.attributes)
        allowed[self.products.known_positions(exclude_ids)] = False
        return allowed

    def vectors_of(self, ids: Sequence[str]) -> np.ndarray:
        """Returns the vectors of these products, float32 `[n, D]`.

        Raises:
            DataError: If an id is not in the index.
        """
        return self.exact.rows(self.products.positions(ids))

    def save(self, folder: Path | str) -> None:
        """Writes the index into a folder, in place of what was there, whole or not at all.

        Raises:
            DataError: If the attributes cannot be written as Parquet.
        """
        self._files.write(Path(folder))

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Reads what `save` wrote; where the backend's library is missing, searches exactly instead.

        Raises:
            BundleError: If a file is missing, damaged, of a newer format, or does not fit the others.
        """
        found = read_index(Path(folder))
        index = cls(found.exact, found.products, backend=found.backend, words=found.words)
        index.least_probability, index.vector_recall = found.least_probability, found.vector_recall
        index.references, index.query_reach, index.reach = found.references, found.query_reach, found.reach
        index.seen, index.text_vectors = found.seen, found.text_vectors
        index.word_weight, index.text_weight = found.word_weight, found.text_weight
        return index

    @property
    def _files(self) -> IndexFiles:
        measured = self.least_probability, self.vector_recall, self.references
        learned = self.query_reach, self.reach, self.seen, self.word_weight, self.text_weight, self.text_vectors
        return IndexFiles(self.exact, self.products, self.backend, self.words, *measured, *learned)
