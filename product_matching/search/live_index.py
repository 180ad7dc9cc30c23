"""An index that takes writes: what was built, and over it what has changed since, searched exactly."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numpy as np
import pandas as pd

from product_matching.errors import DataError, unknown_name
from product_matching.metrics.reach import NEITHER, Sides
from product_matching.search.answering import answer
from product_matching.search.backends import AUTO, choose_backend
from product_matching.search.filters import Filter, mask
from product_matching.search.product_index import ProductIndex
from product_matching.search.product_table import Hit
from product_matching.search.question import Part, Question

FEW_CHANGES = 1000
"""So many are searched exactly in no time."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """A product as it is written.

    Attributes:
        vector: Float32 [D].
        attributes: The other columns of its row.
        text_vector: Of its words alone, float32 [D]; for an index that keeps those.
    """

    vector: np.ndarray
    attributes: dict[str, Any]
    text_vector: np.ndarray | None = None


@dataclass(frozen=True)
class Snapshot:
    """What a search sees from its beginning to its end.

    Attributes:
        base: The index that was built.
        added: Products written since, by id.
        hidden: Ids of the base that were replaced or deleted.
    """

    base: ProductIndex
    added: dict[str, Row]
    hidden: frozenset[str]

    @cached_property
    def overlay(self) -> ProductIndex | None:
        """The index over `added`."""
        if not self.added:
            return None
        frame = pd.DataFrame([{"product_id": name, **row.attributes} for name, row in self.added.items()])
        vectors = np.stack([row.vector for row in self.added.values()])
        made: dict[str, Any] = {"queries": self.base.query_reach, "seen": self._seen}
        if self.base.text_vectors is not None:
            made["text_vectors"] = np.stack([row.text_vector for row in self.added.values()])
        return _weighted(ProductIndex.build(vectors, frame, backend="exact", **made), self.base)

    @property
    def _seen(self) -> np.ndarray | None:
        """Whether the model was trained on each product of `added`: as far as it knew one of this id."""
        if self.base.seen is None:
            return None
        known = self.base.product_ids
        trained = {known[place] for place in self.base.products.known_positions(self.added) if self.base.seen[place]}
        return np.array([name in trained for name in self.added], bool)

    @cached_property
    def in_base(self) -> frozenset[str]:
        """The ids of the base."""
        return frozenset(self.base.product_ids)

    @property
    def parts(self) -> list[ProductIndex]:
        """The indices to search."""
        return [self.base] if self.overlay is None else [self.base, self.overlay]

    @property
    def changes(self) -> int:
        """How many products were written or taken out since the base was built."""
        return len(self.added) + len(self.hidden)

    def __contains__(self, product_id: str) -> bool:
        return product_id in self.added or (product_id in self.in_base and product_id not in self.hidden)

    def compacted(self, *, seed: int = 0) -> ProductIndex:
        """An index built of what can be found now, by the base's backend as far as that suits the size.

        Raises:
            DataError: If nothing is left.
        """
        base, hidden = self.base, self.base.products.known_positions(self.hidden)
        kept = np.setdiff1d(np.arange(base.size), hidden)
        vectors, frames = [base.exact.rows(kept)], [base.products.frame.iloc[kept]]
        texts = [] if base.text_vectors is None else [base.text_vectors.rows(kept)]
        seen = None if base.seen is None else np.concatenate([base.seen[kept], self._seen])
        if self.overlay is not None:
            vectors.append(self.overlay.exact.vectors)
            frames.append(self.overlay.products.frame)
            texts += [self.overlay.text_vectors.vectors] if self.overlay.text_vectors is not None else []
        if not any(map(len, frames)):
            raise DataError("There is no product left to index.")
        table = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
        backend = base.backend_name if choose_backend(AUTO, len(table)) == base.backend_name else AUTO
        made: dict[str, Any] = {"backend": backend, "seed": seed, "vector_type": base.exact.stored.kind}
        made |= {"seen": seen, "text_vectors": np.concatenate(texts) if texts else None}
        made["queries"] = base.query_reach and base.query_reach.banks
        fresh = ProductIndex.build(np.concatenate(vectors), table, **made)
        fresh.least_probability, fresh.references = base.least_probability, base.references
        return _weighted(fresh, base)


class LiveIndex:
    """A `ProductIndex` with writes that the next search sees; the same answers as an index built anew.

    Writes cost the size of what changed since the build, so build anew when that is no longer small: `rebuild`, which
    searches and writes go on beside.

    Args:
        base: What was built.
        rebuild_share: Changes, as a share of the base (and a thousand at least), from which it is built anew in a
            thread of its own; None: only when `rebuild` is called.

    >>> live = LiveIndex(ProductIndex.build(np.eye(2), pd.DataFrame({"product_id": ["a", "b"]})))
    >>> live.put([("c", np.array([0.8, 0.6]), {})]); live.delete(["a"])
    >>> [hit.product_id for hit in live.search(np.array([1.0, 0.0]), k=5)]
    ['c', 'b']
    """

    def __init__(self, base: ProductIndex, *, rebuild_share: float | None = None) -> None:
        self._snapshot = Snapshot(base, {}, frozenset())
        self._share = rebuild_share
        self._lock, self._rebuilding = Lock(), Lock()

    @property
    def snapshot(self) -> Snapshot:
        """The state as of now."""
        return self._snapshot

    @property
    def size(self) -> int:
        """How many products can be found."""
        now = self._snapshot
        return now.base.size - len(now.hidden) + len(now.added)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self._snapshot.base.dim

    @property
    def keeps_text_vectors(self) -> bool:
        """Whether products are ranked by the vector of their words alone, too, so that `put` needs it."""
        return self._snapshot.base.text_vectors is not None

    def __contains__(self, product_id: str) -> bool:
        return product_id in self._snapshot

    def put(self, rows: Iterable[tuple]) -> None:
        """Adds or replaces products: id, vector float32 [D], attributes; vector of its words alone, float32 [D].

        Raises:
            DataError: If a row lacks the last and `keeps_text_vectors`; nothing is written then.
        """
        with self._lock:
            added = dict(self._snapshot.added)
            for name, *row in rows:
                added[name] = self._row(name, *row)
            hidden = self._snapshot.hidden | (self._snapshot.in_base & added.keys())
            self._snapshot = replace(self._snapshot, added=added, hidden=hidden)
        self._rebuild_if_due()

    def _row(
        self, name: str, vector: np.ndarray, attributes: dict[str, Any], text_vector: np.ndarray | None = None
    ) -> Row:
        if not self.keeps_text_vectors:
            return Row(np.asarray(vector, np.float32), attributes)
        if text_vector is None:
            raise DataError(f"{name!r} comes without the vector of its words alone, which this index keeps.")
        return Row(np.asarray(vector, np.float32), attributes, np.asarray(text_vector, np.float32))

    def delete(self, ids: Iterable[str]) -> None:
        """Takes products out; unknown ids are passed over."""
        with self._lock:
            gone = set(ids)
            added = {name: row for name, row in self._snapshot.added.items() if name not in gone}
            hidden = self._snapshot.hidden | (self._snapshot.in_base & gone)
            self._snapshot = replace(self._snapshot, added=added, hidden=hidden)
        self._rebuild_if_due()

    def rebuild(self) -> None:
        """Builds the base anew of all that can be found, then puts it in place; what is written meanwhile stays.

        Raises:
            DataError: If nothing is left.
        """
        with self._rebuilding:
            before = self._snapshot
            base = before.compacted()
            with self._lock:
                self._snapshot = _moved(before, self._snapshot, base)

    def save(self, folder: Path | str) -> None:
        """Writes what can be found now as an index of its own, whole or not at all; `ProductIndex.load` reads it."""
        now = self._snapshot
        (now.compacted() if now.changes else now.base).save(folder)

    def _rebuild_if_due(self) -> None:
        now = self._snapshot
        if self._share is None or now.changes < max(FEW_CHANGES, self._share * now.base.size):
            return
        if not self._rebuilding.locked():
            Thread(target=self._rebuild_quietly, name="rebuild-index", daemon=True).start()

    def _rebuild_quietly(self) -> None:
        try:
            self.rebuild()
        except Exception:  # the old base goes on to answer
            _logger.exception("The index could not be built anew.")

    def get(self, product_id: str) -> tuple[np.ndarray, dict[str, Any]]:
        """Vector and attributes of a product.

        Raises:
            KeyError: If it is not in the index.
        """
        now = self._snapshot
        if product_id in now.added:
            return now.added[product_id].vector, now.added[product_id].attributes
        if product_id not in now.in_base or product_id in now.hidden:
            raise KeyError(product_id)
        position = now.base.products.positions([product_id])
        return now.base.vectors_of([product_id])[0], now.base.products.hits(position, np.zeros(1))[0].attributes

    def search(
        self,
        vector: np.ndarray,
        *,
        text: str = "",
        share: float = 1.0,
        sides: Sides = NEITHER,
        k: int,
        filters: Sequence[Filter] = (),
        exclude_ids: Iterable[str] = (),
    ) -> list[Hit]:
        """Finds the best k products of one query, float `[D]`, and of its words where there are any.

        See `ProductIndex.search` and `ProductIndex.search_words`.

        Raises:
            DataError: If a filter names no attribute of any product.
        """
        question = Question(vector, text, share=share, sides=sides, k=k)
        return answer(self.parts(filters, exclude_ids), question).hits

    def parts(self, filters: Sequence[Filter] = (), exclude_ids: Iterable[str] = ()) -> list[Part]:
        """What to search, of one moment: the parts in which products can meet the filters.

        Raises:
            DataError: If a filter names no attribute of any product.
        """
        now, excluded = self._snapshot, frozenset(exclude_ids)
        return [
            Part(part, there, excluded | now.hidden if part is now.base else excluded)
            for part, there in _applicable(now.parts, filters)
        ]

    def corrected(self, text: str) -> str:
        """The text with words mended that no product has."""
        now = self._snapshot
        new = now.overlay.words.speller.words if now.overlay is not None else ()
        return now.base.words.speller.corrected(text, known=new)

    def ids(self, filters: Sequence[Filter] = ()) -> list[str]:
        """The products that meet all conditions."""
        now, found = self._snapshot, []
        for part, there in _applicable(now.parts, filters):
            names = [part.product_ids[place] for place in np.flatnonzero(mask(there, part.products.attributes))]
            found += [name for name in names if part is not now.base or name not in now.hidden]
        return found


def _weighted(index: ProductIndex, base: ProductIndex) -> ProductIndex:
    """The index with the weights that the base has learned."""
    index.word_weight, index.text_weight = base.word_weight, base.text_weight
    return index


def _moved(before: Snapshot, now: Snapshot, base: ProductIndex) -> Snapshot:
    """The snapshot `now` over a base that was compacted from the one `before`."""
    added = {name: row for name, row in now.added.items() if before.added.get(name) is not row}
    fresh = Snapshot(base, added, frozenset())
    return replace(fresh, hidden=frozenset(name for name in fresh.in_base if name in added or name not in now))


def _applicable(
    parts: Sequence[ProductIndex], filters: Sequence[Filter]
) -> Iterator[tuple[ProductIndex, list[Filter]]]:
    """The parts in which products can meet the filters, each with those that it has a column for."""
    columns = [set(map(str, part.products.attributes.columns)) for part in parts]
    known = set().union(*columns)
    for condition in filters:
        if condition.attribute not in known:
            raise DataError(unknown_name("attribute", condition.attribute, known))
    for part, own in zip(parts, columns, strict=True):
        # A product without the attribute meets no condition on it but "is not".
        if all(condition.attribute in own or condition.accepts(None) for condition in filters):
            yield part, [condition for condition in filters if condition.attribute in own]
