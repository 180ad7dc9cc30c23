"""Reading a catalogue: any of four formats in, clean rows and reasons out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from product_matching.dataset.catalog import CORE_COLUMNS, REJECTED_COLUMNS, Catalog
from product_matching.dataset.checks import check_rows
from product_matching.dataset.delimited import BadLine
from product_matching.dataset.families import find_leaders
from product_matching.dataset.image_files import ImageSource
from product_matching.dataset.tables import read_table, rename_columns, tell_rejected
from product_matching.errors import DataError

logger = logging.getLogger(__name__)


def load_data(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    strict: bool = False,
    on_bad_image: str = "reject",
    group_by: str = "",
    limit: int = 0,
    encoding: str = "",
    image_roots: Sequence[str | Path] = (),
    private_addresses: bool = False,
    near_duplicates: bool = True,
    allow_empty: bool = False,
) -> Catalog:
    """Reads a catalogue and checks each row.

    Args:
        path: CSV, TSV, JSON Lines or Parquet.
        columns: From our name to the table's, where they differ: `{"title": "name"}`.
        strict: A bad row is an error instead of being left out and listed in `Catalog.rejected`.
        on_bad_image: `"reject"` a row whose picture cannot be read, or `"keep"` it as a product without that picture.
        group_by: Column that names a product's group (a parent product), for splits and duplicates.
        limit: Rows to read, from the top; 0: all.
        encoding: Of the text, such as "gb18030"; by default it is detected, with UTF-8 first.
        image_roots: Folders beside the table's own that images may lie in.
        private_addresses: Fetch images from addresses of the own machine and network too.
        near_duplicates: Join products whose images are near duplicates into families, which a split keeps together.
            Not done where `group_by` names the groups.
        allow_empty: A table of which no row can be used is a catalogue of no products, to see what was rejected.

    Raises:
        DataError: If the file cannot be read, a column is missing, no row is left and that is not allowed,
            or `strict` and a row is bad.
    """
    path = Path(path)
    bad: list[BadLine] = []
    table = read_table(path, limit=limit, encoding=encoding, bad=bad)
    table = _with_core_columns(rename_columns(table, columns or {}, path), path)
    if group_by and group_by not in table.columns:
        raise DataError(f"{path} has no column {group_by!r} to group by. It has: {', '.join(table.columns)}.")
    source = ImageSource(path.parent, [Path(root) for root in image_roots], private=private_addresses)
    checked = check_rows(table, source, on_bad_image=on_bad_image)
    table, rejected = checked.table, _with_bad_lines(checked.rejected, bad)
    message = tell_rejected(rejected, len(rejected) + len(table), path, strict=strict)
    if message:
        logger.warning(message)
    if table.empty and not allow_empty:
        raise DataError(f"{path} has no usable row." + (f" {message}" if message else " The table is empty."))
    found = (checked.elsewhere, checked.images, checked.lines)
    catalog = Catalog(table, rejected, path.parent, group_by, *found)
    return replace(catalog, leaders=find_leaders(catalog)) if near_duplicates and not group_by else catalog


def _with_bad_lines(rejected: pd.DataFrame, bad: list[BadLine]) -> pd.DataFrame:
    if not bad:
        return rejected
    lines = pd.DataFrame(bad, columns=["row", "reason"]).assign(product_id="", column="")
    return pd.concat([rejected, lines[list(REJECTED_COLUMNS)]]).sort_values("row", ignore_index=True, kind="stable")


def _with_core_columns(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    have = ", ".join(table.columns)
    if "product_id" not in table.columns:
        raise DataError(
            f"{path} has no column 'product_id'. It has: {have}. Name the one that identifies a product: "
            "--column product_id=NAME."
        )
    if not {"image", "title", "description"} & set(table.columns):
        raise DataError(
            f"{path} has none of the columns 'image', 'title', 'description'. It has: {have}. "
            "Name them, for example: --column title=NAME."
        )
    table = table.assign(**{name: "" for name in CORE_COLUMNS if name not in table.columns})
    return table[[*CORE_COLUMNS, *(name for name in table.columns if name not in CORE_COLUMNS)]]
