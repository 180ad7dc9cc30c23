"""The products of an index: ids, attributes, and the results made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from product_matching.errors import DataError

ID = "product_id"
SHOWN = 5  # unknown ids named in an error
WORD_WEIGHT = 0.4
"""What full agreement of words adds to a cosine; see benchmarks/search.md."""
CODE_WEIGHT = 3.0
"""More than the rest together: a cosine goes from -1 to 1."""


@dataclass(frozen=True)
class Hit:
    """One product found.

    Attributes:
        product_id: Which one.
        score: Inner product with the query; for normalised vectors the cosine, -1 to 1. Higher is better.
        rank: Place in the results, from 1.
        attributes: The other columns of its row; what is missing is None.
        words: How well its words cover those of the query, 0 to 1; 0 where words were not asked for.
        code: 1 where the query names its id or its model number, else 0.
    """

    product_id: str
    score: float
    rank: int
    attributes: dict[str, Any]
    words: float = 0.0
    code: float = 0.0

    @property
    def order(self) -> float:
        """What results are ranked by: the cosine, more where words agree, and named products before all others."""
        return _order(self.score, self.words, self.code)


class ProductTable:
    """A table with a unique `product_id`, known by id and by position.

    Args:
        products: N rows; ids become text, the other columns are attributes and stay as they are.

    Raises:
        DataError: If there is no column `product_id`, or an id is missing or repeated.
    """

    def __init__(self, products: pd.DataFrame) -> None:
        self.frame = _checked(products)
        self.attributes = self.frame.drop(columns=ID)
        self.ids: list[str] = self.frame[ID].tolist()
        self._position_of = {product: position for position, product in enumerate(self.ids)}
        # Single cells are read much faster from the arrays than through the table.
        self._columns = {str(name): self.frame[name].array for name in self.attributes}

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, ids: Sequence[str]) -> np.ndarray:
        """Returns the position of each id, int64 `[n]`.

        Raises:
            DataError: If an id is not in the table.
        """
        unknown = [name for name in ids if name not in self._position_of]
        if unknown:
            more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
            raise DataError(f"Not in the index: {', '.join(map(repr, unknown[:SHOWN]))}{more}.")
        return np.array([self._position_of[name] for name in ids], dtype=np.int64)

    def known_positions(self, ids: Iterable[str]) -> np.ndarray:
        """Returns the positions of those ids that are in the table, ascending, int64."""
        known = {self._position_of[name] for name in ids if name in self._position_of}
        return np.array(sorted(known), dtype=np.int64)

    def hits(self, positions: np.ndarray, scores: np.ndarray) -> list[Hit]:
        """Makes results of positions and scores, `[k]` each, the best first."""
        return [
            Hit(self.ids[position], float(score), rank, self._row(position))
            for rank, (position, score) in enumerate(zip(positions, scores, strict=True), 1)
        ]

    def ranked(
        self, positions: np.ndarray, scores: np.ndarray, words: np.ndarray, codes: np.ndarray, k: int
    ) -> list[Hit]:
        """Makes results of the best k of positions, cosines, agreements of words and codes, `[n]` each."""
        order = np.argsort(-_order(scores, words, codes), kind="stable")[:k]
        return [
            Hit(self.ids[at], float(score), rank, self._row(at), float(word), float(code))
            for rank, (at, score, word, code) in enumerate(
                zip(positions[order], scores[order], words[order], codes[order], strict=True), 1
            )
        ]

    def _row(self, position: int) -> dict[str, Any]:
        return {name: _plain(column[position]) for name, column in self._columns.items()}


def _order(score: Any, words: Any, code: Any) -> Any:
    """What results are ranked by, of numbers or of arrays."""
    return score + WORD_WEIGHT * words + CODE_WEIGHT * code


def _checked(products: pd.DataFrame) -> pd.DataFrame:
    if ID not in products.columns:
        raise DataError(f"The table of products has no column {ID!r}; it has {list(products.columns)}.")
    missing = products[ID].isna().to_numpy()
    if missing.any():
        raise DataError(f"Row {int(missing.argmax())} of the products has no {ID}.")
    table = products.reset_index(drop=True)
    table[ID] = table[ID].astype(str)
    repeated = table[ID][table[ID].duplicated()]
    if len(repeated):
        raise DataError(f"{ID} must be unique; {repeated.iloc[0]!r} stands twice.")
    return table


def _plain(value: object) -> Any:
    """A Python value for JSON: numpy's scalars unwrapped, what is missing as None."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple, dict, str)):
        return value
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
