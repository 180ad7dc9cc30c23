"""Tables of strings from CSV, TSV, JSON Lines and Parquet files."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from product_matching.errors import DataError, unknown_name


def read_table(path: Path, *, limit: int = 0) -> pd.DataFrame:
    """Reads a table; every cell becomes a stripped string, `""` where there is nothing.

    The index is the line of each row in the file; for Parquet, which has no lines, the row's number plus one.

    Args:
        path: A file that ends in .csv, .tsv, .jsonl, .ndjson or .parquet.
        limit: Rows to read; 0: all.

    Raises:
        DataError: If there is no such file, its format is unknown, or its content cannot be read.
    """
    if not path.is_file():
        hint = " It is a folder; name the table in it." if path.is_dir() else ""
        raise DataError(f"There is no table {str(path)!r}.{hint}")
    if path.suffix.lower() not in _READERS:
        raise DataError(unknown_name("kind of table", path.suffix, _READERS) + f" Got {str(path)!r}.")
    try:
        table = _READERS[path.suffix.lower()](path, limit or None)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8.") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty: it has no header line.") from error
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as {path.suffix[1:]}: {error}") from error
    table.columns = [str(column).strip() for column in table.columns]
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise DataError(f"{path} has the column {twice[0]!r} twice. Rename one.")
    table.index = range(2, len(table) + 2)
    return table


def _read_delimited(separator: str) -> Callable[[Path, int | None], pd.DataFrame]:
    def read(path: Path, limit: int | None) -> pd.DataFrame:
        table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig", nrows=limit)
        if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first columns for row labels
            raise ValueError("a row has more fields than the header")
        return _strings(table)

    return read


def _read_json_lines(path: Path, limit: int | None) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig") as lines:
        records = [json.loads(line) for line in islice((line for line in lines if line.strip()), limit)]
    if not records:
        raise pd.errors.EmptyDataError
    if not all(isinstance(record, dict) for record in records):
        raise ValueError("each line must be a JSON object")
    return _strings(pd.DataFrame(records, dtype=object))


def _read_parquet(path: Path, limit: int | None) -> pd.DataFrame:
    table = pd.read_parquet(path, dtype_backend="numpy_nullable")  # whole numbers stay whole beside gaps
    return _strings(table.head(limit) if limit else table)


def _strings(table: pd.DataFrame) -> pd.DataFrame:
    return table.map(_as_string).astype(object)


def _as_string(cell: Any) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, list | tuple) or (hasattr(cell, "tolist") and getattr(cell, "ndim", 0)):
        return "|".join(_as_string(item) for item in cell)
    if cell is None or cell is pd.NA or cell != cell:
        return ""
    return str(cell)


_READERS: dict[str, Callable[[Path, int | None], pd.DataFrame]] = {
    ".csv": _read_delimited(","),
    ".tsv": _read_delimited("\t"),
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}
