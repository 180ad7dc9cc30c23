"""The products of an index: ids, attributes, and the results made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from product_matching.errors import DataError
from product_matching.search.ranking import TEXT_WEIGHT, WORD_WEIGHT, Ranking, order_of

ID = "product_id"
SHOWN = 5  # unknown ids named in an error


@dataclass(frozen=True)
class Hit:
    """One product found.

    Attributes:
        product_id: Which one.
        score: Inner product with the query; for normalised vectors the cosine, -1 to 1. Higher is better.
        rank: Place in the results, from 1.
        attributes: The other columns of its row; what is missing is None.
        reach: What is taken from the score because such queries come near the product anyway; see `QueryReach`.
        words: How well its words cover those of the query, 0 to 1; 0 where words were not asked for.
        code: 1 where the query names its id or its model number, else 0.
        word_weight: What full agreement of words adds to what it is ranked by.
        text: Cosine of the query with the vector of its words alone, -1 to 1; 0 where that was not asked for.
        text_weight: What 1 of that adds to what it is ranked by.
        variants: Ids of the other products of its group, where results are grouped.
    """

    product_id: str
    score: float
    rank: int
    attributes: dict[str, Any]
    reach: float = 0.0
    words: float = 0.0
    code: float = 0.0
    word_weight: float = WORD_WEIGHT
    text: float = 0.0
    text_weight: float = TEXT_WEIGHT
    variants: tuple[str, ...] = ()

    @property
    def nearness(self) -> float:
        """The score less the reach."""
        return self.score - self.reach

    @property
    def order(self) -> float:
        """What results are ranked by: the nearness, more where words or texts agree, named products before others."""
        found = self.score, self.reach, self.words, self.code, self.word_weight, self.text, self.text_weight
        return order_of(*found)


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
        self._columns = {str(name): _cells(self.frame[name]) for name in self.attributes}
        self._groups: dict[str, tuple[list[str | None], dict[str, list[int]]]] = {}

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

    def hits(self, positions: np.ndarray, scores: np.ndarray, reach: np.ndarray | None = None) -> list[Hit]:
        """Makes results of positions, scores and reach, `[k]` each, the best first."""
        taken = np.zeros(len(positions)) if reach is None else reach
        return [
            Hit(self.ids[position], float(score), rank, self._row(position), float(less))
            for rank, (position, score, less) in enumerate(zip(positions, scores, taken, strict=True), 1)
        ]

    def ranked(self, ranking: Ranking) -> list[Hit]:
        """Makes results of a ranking, in its order."""
        return [self.hit(rank, *row) for rank, (_, *row) in enumerate(ranking.rows(), 1)]

    def hit(self, rank: int, place: int, cosine: float, *rest: float) -> Hit:
        """Makes one result of a row of a ranking; `rest` from the reach on."""
        return Hit(self.ids[place], cosine, rank, self._row(place), *rest)

    def values(self, name: str) -> list[str | None]:
        """The cells of an attribute as text, None where there is nothing."""
        return self._grouped(name)[0]

    def rows_of(self, name: str, value: str) -> list[int]:
        """Positions of the products whose attribute has this value, ascending."""
        return self._grouped(name)[1].get(value, [])

    def _grouped(self, name: str) -> tuple[list[str | None], dict[str, list[int]]]:
        if name not in self._groups:
            cells = (_plain(cell) for cell in self.frame[name].array)
            values = [None if value in (None, "") else str(value) for value in cells]
            rows: dict[str, list[int]] = {}
            for row, value in enumerate(values):
                if value is not None:
                    rows.setdefault(value, []).append(row)
            self._groups[name] = (values, rows)
        return self._groups[name]

    def _row(self, position: int) -> dict[str, Any]:
        return {name: read(position) for name, read in self._columns.items()}


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


def _cells(column: pd.Series) -> Callable[[int], Any]:
    """Reads single cells of a column as `_plain` has them."""
    if isinstance(column.dtype, pd.StringDtype) and column.dtype.storage == "pyarrow":
        words = pa.array(column.array)  # shares the memory
        return lambda position: words[position].as_py()
    array = column.array
    return lambda position: _plain(array[position])


def _plain(value: object) -> Any:
    """A Python value for JSON: numpy's scalars unwrapped, what is missing as None."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple, dict, str)):
        return value
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
