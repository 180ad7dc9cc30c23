"""Pairs to match: drawn from a catalogue for evaluation, or read from a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from product_matching._types import IntArray
from product_matching.dataset.catalog import CORE_COLUMNS, Catalog
from product_matching.dataset.tables import read_table
from product_matching.errors import DataError

TITLE_NAMES = ("title", "name", "product_name")
PREFIXES = (("left_", "right_"), ("l_", "r_"), ("ltable_", "rtable_"), ("a_", "b_"))
"""How the columns of the two sides begin, where the user does not say."""
IDS = ("id", "product_id")


@dataclass(frozen=True)
class MatchPairs:
    """Questions "does this image belong to this text?" over the products of a catalogue.

    Attributes:
        image: int64 [P], row of the product whose image is asked about.
        text: int64 [P], row of the product whose text is.
        label: int64 [P], 1 where they are the same product.
        hard: bool [P], a false pair within one kind of goods.
    """

    image: IntArray
    text: IntArray
    label: IntArray
    hard: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def joined(cls, draws: Sequence[MatchPairs]) -> MatchPairs:
        """The pairs of several draws, one after the other."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(draw, name) for draw in draws]) for name in names))


def match_pairs(catalog: Catalog, *, category: str = "", seed: int = 0) -> MatchPairs:
    """Draws, for each product with an image and a text, one true pair and one false one.

    Half of the false texts come from the same kind of goods. A false text is never of the same group (the same title).
    Where a kind has no other group, the text comes from another kind.

    Args:
        catalog: Products, of one side of a split.
        category: Column that names the kind of goods; by default a well-known one, else the first tag.
        seed: Seed of the draw.
    """
    rows = catalog.with_image_and_text()
    # Numbers compare a hundred times as fast as strings, and every product is compared with every other.
    groups, kinds = catalog.groups()[rows], pd.factorize(catalog.categories(category))[0][rows]
    if len(np.unique(groups)) < 2:
        raise DataError(
            f"Match pairs need two different products with image and text; there are {len(np.unique(groups))}."
        )
    rng = np.random.default_rng(seed)
    want_hard = rng.permutation(len(rows)) % 2 == 0
    draw = _FalseTexts(groups, kinds)
    drawn = [draw(i, hard, rng) for i, hard in enumerate(want_hard)]
    false = np.array([position for position, _ in drawn])
    hard = np.array([same_kind for _, same_kind in drawn])
    label = np.repeat([1, 0], len(rows))
    return MatchPairs(
        image=np.concatenate([rows, rows]),
        text=np.concatenate([rows, rows[false]]),
        label=label,
        hard=np.concatenate([np.zeros(len(rows), bool), hard]),
    )


class _FalseTexts:
    """Draws rows of other groups, in time that grows with the size of a kind and not of the catalogue."""

    def __init__(self, groups: IntArray, kinds: np.ndarray) -> None:
        self.groups, self.kinds = groups, kinds
        self.by_group, self.by_kind = _members(groups), _members(kinds)

    def __call__(self, row: int, hard: bool, rng: np.random.Generator) -> tuple[int, bool]:
        """A row of another group, and whether it is of this row's kind, as it is with `hard` where there is one."""
        same, alike = self.by_group[self.groups[row]], self.by_kind[self.kinds[row]]
        if hard:
            chosen = _drawn(alike[self.groups[alike] != self.groups[row]], rng)
        else:
            chosen = _drawn_outside(np.union1d(same, alike), len(self.groups), rng)
        if chosen is None:
            chosen = _drawn_outside(same, len(self.groups), rng)
        return chosen, bool(self.kinds[chosen] == self.kinds[row])


def _members(codes: np.ndarray) -> dict[int, IntArray]:
    """The rows of each code, ascending."""
    order = np.argsort(codes, kind="stable")
    values, starts = np.unique(codes[order], return_index=True)
    return dict(zip(values.tolist(), np.split(order, starts[1:]), strict=True))


def _drawn(rows: IntArray, rng: np.random.Generator) -> int | None:
    return int(rows[rng.integers(len(rows))]) if len(rows) else None


def _drawn_outside(left_out: IntArray, count: int, rng: np.random.Generator) -> int | None:
    """One of `count` rows that is not among those left out, which ascend."""
    if len(left_out) == count:
        return None
    place = int(rng.integers(count - len(left_out)))
    # Before each row left out stand this many that are not.
    return place + int(np.searchsorted(left_out - np.arange(len(left_out)), place, side="right"))


def load_pairs(path: str | Path, *, left: str = "", right: str = "") -> pd.DataFrame:
    """Reads a table of pairs: columns of one side start with `left`, of the other with `right`, perhaps a `label`.

    Args:
        path: The table.
        left, right: The prefixes; by default those that `pair_prefixes` finds.

    Raises:
        DataError: If a side has no column, the table is empty, or a label is neither 0 nor 1.
    """
    table = read_table(Path(path))
    pair_prefixes(table, left, right, path)
    if table.empty:
        raise DataError(f"{path} has no pairs: it is empty below the header.")
    if "label" in table.columns:
        wrong = ~table["label"].isin(["0", "1", "0.0", "1.0", "True", "False", "true", "false"])
        if wrong.any():
            row = table.index[wrong][0]
            raise DataError(f"{path}, row {row}, column label: {table['label'][row]!r} is neither 0 nor 1.")
        table = table.assign(label=table["label"].str.lower().isin(["1", "1.0", "true"]).astype(int))
    return table


def pair_prefixes(table: pd.DataFrame, left: str = "", right: str = "", path: str | Path = "") -> tuple[str, str]:
    """How the columns of either side of a table of pairs begin.

    Args:
        table: The table.
        left, right: What the caller says; where it says nothing, the first of `PREFIXES` that the table has.
        path: Of the table, for errors.

    Raises:
        DataError: If no column begins so.
    """
    known = [pair for pair in PREFIXES if all(_begin(table, prefix) for prefix in pair)]
    default = known[0] if known else PREFIXES[0]
    chosen = (left or default[0], right or default[1])
    for prefix in chosen:
        if not _begin(table, prefix):
            raise DataError(
                f"{path} has no column that starts with {prefix!r}. It has: {', '.join(table.columns)}. "
                "Name the prefixes: --left l_ --right r_."
            )
    return chosen


def _begin(table: pd.DataFrame, prefix: str) -> bool:
    return any(column.startswith(prefix) and column != "label" for column in table.columns)


def pair_records(table: pd.DataFrame, prefix: str) -> list[dict[str, str]]:
    """One side of a table of pairs as records: from the column's name after the prefix to the cell.

    Ids say nothing about a product, so `id` and `product_id` are left out.

    Raises:
        DataError: If there is nothing but ids.
    """
    columns = {column: column.removeprefix(prefix) for column in table.columns if column.startswith(prefix)}
    columns = {column: name for column, name in columns.items() if name not in IDS and column != "label"}
    if not columns:
        raise DataError(
            f"The columns that start with {prefix!r} hold ids alone. A re-ranker reads what products are called: "
            f"add {prefix}title or any other column."
        )
    return table[list(columns)].rename(columns=columns).to_dict("records")


def side_of_pairs(table: pd.DataFrame, prefix: str, root: Path) -> Catalog:
    """One side of a table of pairs as products.

    `image`, `title` (or `name`), `description` and `tags` after the prefix are what they say; what any other column
    holds follows the description, so that it counts.
    """
    side = table[[column for column in table.columns if column.startswith(prefix)]]
    side = side.rename(columns=lambda column: column.removeprefix(prefix))
    title = next((name for name in TITLE_NAMES if name in side.columns), None)
    if title:
        side = side.rename(columns={title: "title"})
    side = side.assign(**{name: "" for name in CORE_COLUMNS if name not in side.columns})
    others = [column for column in side.columns if column not in CORE_COLUMNS]
    words = side[["description", *others]].agg(lambda cells: " ".join(cell for cell in cells if cell), axis=1)
    return Catalog(side.assign(description=words).reset_index(drop=True)[list(CORE_COLUMNS)], root=root)
