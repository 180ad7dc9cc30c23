"""Tables of strings from CSV, TSV, JSON Lines and Parquet files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from product_matching.dataset.delimited import BadLine, read_delimited
from product_matching.dataset.encodings import UNDECODED, check_encoding, detect_encoding
from product_matching.errors import DataError, unknown_name

_Read = tuple[pd.DataFrame, list[BadLine]]


def read_table(path: Path, *, limit: int = 0, encoding: str = "", bad: list[BadLine] | None = None) -> pd.DataFrame:
    """Reads a table; every cell becomes a stripped string, `""` where there is nothing.

    The index is the line of each row in the file; for Parquet, which has no lines, the row's number plus one.

    Args:
        path: A file that ends in .csv, .tsv, .jsonl, .ndjson or .parquet.
        limit: Rows to read; 0: all.
        encoding: Of the text; by default it is detected.
        bad: Takes the lines that hold no row; without it, the first of them is an error.

    Raises:
        DataError: If there is no such file, its format is unknown, or its content cannot be read.
    """
    if not path.is_file():
        hint = " It is a folder; name the table in it." if path.is_dir() else ""
        raise DataError(f"There is no table {str(path)!r}.{hint}")
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise DataError(unknown_name("kind of table", path.suffix, _READERS) + f" Got {str(path)!r}.")
    try:
        if suffix != ".parquet":
            encoding = check_encoding(encoding) if encoding else detect_encoding(path)
        table, faults = _READERS[suffix](path, encoding, limit or None)
    except UnicodeError as error:
        raise DataError(f"{path} cannot be read as {encoding}: {error}. Name its encoding: --encoding NAME.") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty: it has no header line.") from error
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as {suffix[1:]}: {error}") from error
    if bad is not None:
        bad.extend(faults)
    elif faults:
        raise DataError(f"{path}, line {faults[0].line}: {faults[0].reason}. Mend or remove it.")
    table.columns = [str(column).strip() for column in table.columns]
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise DataError(f"{path} has the column {twice[0]!r} twice. Rename one.")
    return table


def rename_columns(table: pd.DataFrame, columns: Mapping[str, str], path: Path) -> pd.DataFrame:
    """Gives columns our names; a column that had such a name already becomes `NAME_original`.

    Raises:
        DataError: If a column is not there.
    """
    for ours, theirs in columns.items():
        if theirs not in table.columns:
            raise DataError(f"{path} has no column {theirs!r} to use as {ours!r}. It has: {', '.join(table.columns)}.")
    displaced = {ours: f"{ours}_original" for ours in columns if ours in table.columns}
    return table.rename(columns=displaced | {theirs: ours for ours, theirs in columns.items()})


def tell_rejected(rejected: pd.DataFrame, rows: int, path: Path, *, strict: bool) -> str:
    """Says in one line how many of a table's rows are left out, and why the first one is; `""` if none is.

    Raises:
        DataError: With that line, if `strict`.
    """
    if rejected.empty:
        return ""
    first = rejected.iloc[0]
    column = f", column {first['column']}" if first["column"] else ""
    message = (
        f"{path}: {len(rejected)} of {rows} rows cannot be used; the first is row {first['row']}{column}: "
        f"{first['reason']}."
    )
    if strict:
        raise DataError(message)
    return message


def _read_json_lines(path: Path, encoding: str, limit: int | None) -> _Read:
    records, numbers, bad = [], [], []
    with path.open(encoding=encoding, errors="surrogateescape") as file:
        for number, line in islice(((n, line) for n, line in enumerate(file, 1) if line.strip()), limit):
            record, fault = _parse_json(line)
            if fault:
                bad.append(BadLine(number, fault))
            else:
                records.append(record)
                numbers.append(number)
    if not records and not bad:
        raise pd.errors.EmptyDataError
    if not records:
        raise ValueError(f"line {bad[0].line}: {bad[0].reason}")
    return _strings(pd.DataFrame(records, index=numbers, dtype=object)), bad


def _parse_json(line: str) -> tuple[Any, str]:
    if UNDECODED.search(line):
        return None, "the line holds bytes that the file's encoding does not have"
    try:
        record = json.loads(line)
    except ValueError as error:
        return None, f"the line is not valid JSON: {error}"
    return record, "" if isinstance(record, dict) else "the line is no JSON object"


def _read_parquet(path: Path, encoding: str, limit: int | None) -> _Read:
    table = pd.read_parquet(path, dtype_backend="numpy_nullable")  # whole numbers stay whole beside gaps
    table = _strings(table.head(limit) if limit else table)
    table.index = range(2, len(table) + 2)
    return table, []


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


_READERS: dict[str, Callable[[Path, str, int | None], _Read]] = {
    ".csv": lambda path, encoding, limit: read_delimited(path, ",", encoding=encoding, limit=limit),
    ".tsv": lambda path, encoding, limit: read_delimited(path, "\t", encoding=encoding, limit=limit),
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}
