"""A table of products with any columns, for a re-ranker to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from product_matching.dataset.pairs import IDS
from product_matching.dataset.tables import read_table, rename_columns
from product_matching.errors import DataError


def load_listings(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    known: Mapping[str, list[str]] | None = None,
    limit: int = 0,
    encoding: str = "",
) -> tuple[list[str], list[dict[str, str]]]:
    """Reads ids and records.

    Args:
        path: The table; its ids are `product_id`, else `id`, else the numbers of the rows.
        columns: What a column is called in the table, from our name to theirs.
        known: Columns that a re-ranker learned from, by side; one of them at least must be there.
        limit, encoding: As of `read_table`.

    Returns:
        N ids, and N records from the column's name to the cell.

    Raises:
        DataError: If the table cannot be read, an id is missing or there twice, or no known column is there.
    """
    path = Path(path)
    table = rename_columns(read_table(path, limit=limit, encoding=encoding), columns or {}, path)
    name = next((name for name in reversed(IDS) if name in table.columns), None)
    ids = [str(row) for row in table.index] if name is None else table[name].tolist()
    _check_ids(ids, path, name)
    records = table.drop(columns=[column for column in IDS if column in table.columns])
    wanted = {column for side in (known or {}).values() for column in side}
    if wanted and not wanted & set(records.columns):
        raise DataError(
            f"{path} has none of the columns {', '.join(sorted(wanted))} that the re-ranker learned from; it has "
            f"{', '.join(records.columns)}. Name them: --column title=name."
        )
    return ids, records.to_dict("records")


def _check_ids(ids: list[str], path: Path, name: str | None) -> None:
    seen: set[str] = set()
    for number, one in enumerate(ids, 1):
        if not one:
            raise DataError(f"{path}, product {number}: {name} is empty. Every product needs an id.")
        if one in seen:
            raise DataError(f"{path}: the {name} {one!r} is there twice. Ids are unique.")
        seen.add(one)
