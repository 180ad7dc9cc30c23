"""A catalogue in memory: one row a product, images by path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd

from product_matching._types import FloatArray, IntArray
from product_matching.dataset.fingerprints import ImageFacts
from product_matching.dataset.splitting import SIDES, KnownSides, assign_parts, keep_known, normalise_title
from product_matching.errors import DataError, unknown_name

CORE_COLUMNS = ("product_id", "image", "title", "description", "tags")
CATEGORY_COLUMNS = (
    *(
        "category",
        "kind",
        "product_type",
        "producttype",
        "article_type",
        "articletype",
        "type",
        "product_category",
    ),
)
"""Columns taken, in this order and whatever their case, as the kind of goods where none is named."""


@dataclass(frozen=True)
class Catalog:
    """Products that passed the checks, and the rows that did not.

    Attributes:
        table: A row a product, all cells strings and `""` where there is nothing: `product_id`, `image` (paths,
            separated by `|`), `title`, `description`, `tags` (separated by `|`), then the attributes.
        rejected: Rows left out: `row` (line of the file where it starts, the first is 1), `product_id`, `column`,
            `reason`.
        root: Folder that relative image paths start from.
        group_by: Column that names a product's group; `""`: the normalised title.
        elsewhere: Files of the images that were fetched or converted, by their names in the table.
        images: What the images show, by their names in the table; empty for a catalogue that was not read from a file.
        lines: Line of the file where each row of the table starts: int64 [N]; empty likewise.
        leaders: Group key of the product that leads a family, by the keys of the others in it: see `families`.
    """

    table: pd.DataFrame
    rejected: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=REJECTED_COLUMNS))
    root: Path = Path()
    group_by: str = ""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, ImageFacts] = field(default_factory=dict)
    lines: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    leaders: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def attributes(self) -> list[str]:
        """Names of the columns beside the core ones."""
        return [column for column in self.table.columns if column not in CORE_COLUMNS]

    def first_images(self) -> list[str]:
        """Each product's first image as the table names it, `""` where there is none."""
        return [cell.partition("|")[0] for cell in self.table["image"]]

    def image_paths(self) -> list[str]:
        """Path of each product's first image, `""` where there is none."""
        return [self.elsewhere.get(name) or str(self.root / name) if name else "" for name in self.first_images()]

    def texts(self) -> Iterator[str]:
        """Title and description of each product as one string."""
        return iter(self.table["title"] + " " + self.table["description"])

    def tag_lists(self) -> list[list[str]]:
        """The tags of each product."""
        return [tags.split("|") if tags else [] for tags in self.table["tags"]]

    def boilerplate(self, share: float, *, compatibility: bool = True) -> list[str]:
        """Sentences that at least this share of the descriptions of one brand or seller repeat.

        Cleaned by `clean_text`, with or without `compatibility`, as the tower that leaves them out cleans.
        """
        from product_matching.dataset.boilerplate import find_boilerplate, owner_column

        column = owner_column(self.attributes)
        owners = self.table[column] if column else pd.Series("", index=self.table.index)
        return find_boilerplate(self.table["description"], owners, share, compatibility=compatibility)

    def group_keys(self) -> Iterator[str]:
        """What makes two rows the same product: `group_by`'s cell, else the normalised title, else the description.

        One at a time: the keys of a million products are as large as their texts.
        """
        named = self._column(self.group_by) if self.group_by else repeat("")
        columns = (self.table[name] for name in ("title", "description", "product_id"))
        for name, title, description, product_id in zip(named, *columns, strict=False):
            yield _group_key(name, title, description, product_id)

    def groups(self) -> IntArray:
        """A number for each product's group, the same in every table that holds the same key: int64 [N]."""
        return np.fromiter(map(_stable_hash, self.group_keys()), dtype=np.int64, count=len(self))

    def families(self) -> IntArray:
        """A number for each product's family, the groups that pictures join; most have one group: int64 [N]."""
        keys = (self.leaders.get(key, key) for key in self.group_keys())
        return np.fromiter(map(_stable_hash, keys), dtype=np.int64, count=len(self))

    def category_column(self, name: str = "") -> str:
        """The column that tells the kind of goods: `name`, or the first well-known one; `""` if there is none."""
        if name:
            self._column(name)
            return name
        by_case = {column.lower().replace(" ", "_"): column for column in self.attributes}
        return next((by_case[known] for known in CATEGORY_COLUMNS if known in by_case), "")

    def categories(self, name: str = "") -> pd.Series:
        """The kind of goods of each product; where no column tells it, the first tag."""
        column = self.category_column(name)
        return self.table[column] if column else self.table["tags"].map(lambda tags: tags.partition("|")[0])

    def weights(self, name: str) -> FloatArray:
        """A column's numbers over their mean: float32 [N].

        Raises:
            DataError: If the column is missing, a cell is no number of 0 or more, or all are 0.
        """
        cells = self._column(name)
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(float)
        wrong = ~(np.isfinite(numbers) & (numbers >= 0))
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"Column {name!r} weighs products, with a number of 0 or more in each row; product "
                f"{self.table['product_id'].iloc[row]!r} has {cells.iloc[row]!r}. Fill it in, or name another column."
            )
        if not numbers.any():
            raise DataError(f"Column {name!r} weighs all products with 0, so there is nothing to learn.")
        return (numbers / numbers.mean()).astype(np.float32)

    def with_image_and_text(self) -> IntArray:
        """Rows of the products that have both an image and a title or a description, ascending: int64 [M]."""
        words = self.table["title"] + self.table["description"]
        return np.flatnonzero((self.table["image"] != "") & (words != ""))

    def take(self, rows: IntArray | np.ndarray) -> Catalog:
        """The products at these positions, or where a mask is true, in a catalogue of their own."""
        table = self.table[rows] if rows.dtype == bool else self.table.iloc[rows]
        return replace(self, table=table, lines=self.lines[rows] if len(self.lines) else self.lines)

    def split(
        self, seed: int = 0, *, val: float = 0.1, test: float = 0.1, known: KnownSides | None = None
    ) -> tuple[Catalog, Catalog, Catalog]:
        """Splits into train, validation and test, no group and no family on two sides.

        The side of a family follows from the key of its leader and the seed alone: rows that are added below never move
        those above, unless one joins two families that stood on different sides. With `known` not even that does.

        Args:
            seed: Another seed gives another split.
            val, test: Shares of the families.
            known: An earlier split of the same shop; what it knows stays where it was.
        """
        keys = (self.leaders.get(key, key) for key in self.group_keys())
        parts = assign_parts(keys, seed, val=val, test=test)
        if known is not None:
            parts = keep_known(parts, self.groups(), self.families(), known)
        return tuple(self.take(parts == part) for part in SIDES)

    def fingerprint(self) -> str:
        """A sha256 of the table's content: the same products in the same order give the same one."""
        return hashlib.sha256(self.table.to_csv(index=False).encode("utf-8")).hexdigest()

    def _column(self, name: str) -> pd.Series:
        if name not in self.table.columns:
            raise DataError(unknown_name("column", name, self.table.columns))
        return self.table[name]

    @classmethod
    def from_records(cls, records: list[Mapping[str, str]], root: Path | str = ".") -> Catalog:
        """A catalogue of a few products, given as mappings; missing cells are `""`."""
        table = pd.DataFrame(records).reindex(
            columns=[*CORE_COLUMNS, *{key: 0 for row in records for key in row if key not in CORE_COLUMNS}]
        )
        return cls(table.astype(object).fillna("").astype(str), root=Path(root))


REJECTED_COLUMNS = ("row", "product_id", "column", "reason")


def _group_key(named: str, title: str, description: str, product_id: str) -> str:
    if named:
        return f"group:{named}"
    for prefix, text in (("title", title), ("description", description)):
        words = normalise_title(text)
        if words:
            return f"{prefix}:{words}"
    return f"id:{product_id}"


def _stable_hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8"), digest_size=8).digest(), "big", signed=True)
