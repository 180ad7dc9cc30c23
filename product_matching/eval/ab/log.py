"""Reads the log of a test: who saw which variant, and what they did."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from product_matching.dataset.tables import read_table
from product_matching.errors import DataError, unknown_name

COLUMNS = ("user_id", "variant", "event", "value")
DECISIONS, EXPECTATIONS = ("reward", "logged", "target"), ("expected_shown", "expected_target")


def load_log(path: str | Path, *, columns: dict[str, str] | None = None) -> pd.DataFrame:
    """A table of events: `user_id`, `variant`, `event`, and perhaps `value` (1 where there is none).

    Args:
        path: .csv, .tsv, .jsonl or .parquet.
        columns: What the columns are called in the table, by our names.

    Raises:
        DataError: If a column is missing, a value is no number, or a user saw two variants.
    """
    table = _read(path, columns, needed=COLUMNS[:3])
    written = table["value"] if "value" in table.columns else pd.Series("1", index=table.index)
    value = _numbers(path, written.replace("", "1").rename("value"))
    missing = (table["user_id"] == "") | (table["variant"] == "")
    if missing.any():
        raise DataError(f"{path}, row {table.index[missing][0]}: user_id and variant must not be empty.")
    variants = table.groupby("user_id")["variant"].nunique()
    if (variants > 1).any():
        user = variants.index[variants > 1][0]
        raise DataError(
            f"{path}: {int((variants > 1).sum())} users saw two variants, such as {user!r}. "
            "A user stays in one (assign by hash), or the two cannot be compared."
        )
    return table[["user_id", "variant", "event"]].assign(value=value).reset_index(drop=True)


def load_decisions(path: str | Path, *, columns: dict[str, str] | None = None) -> dict[str, np.ndarray]:
    """A table of what a policy showed, an event a row, as `off_policy` takes it.

    Args:
        path: .csv, .tsv, .jsonl or .parquet with the columns `reward`, `logged`, `target` and perhaps
            `expected_shown` and `expected_target`.
        columns: What the columns are called in the table, by our names.

    Returns:
        By the name of the argument, float64 [N].

    Raises:
        DataError: If a column is missing or holds what is no number.
    """
    table = _read(path, columns, needed=DECISIONS)
    there = [*DECISIONS, *(name for name in EXPECTATIONS if name in table.columns)]
    found = {name: _numbers(path, table[name]).to_numpy() for name in there}
    return {"rewards": found.pop("reward"), **found}


def _read(path: str | Path, columns: dict[str, str] | None, *, needed: Iterable[str]) -> pd.DataFrame:
    table = read_table(Path(path)).rename(columns={theirs: ours for ours, theirs in (columns or {}).items()})
    for name in needed:
        if name not in table.columns:
            raise DataError(f"{path}: {unknown_name('column', name, table.columns)} Name it: --column {name}=THEIRS.")
    if table.empty:
        raise DataError(f"{path} has no events: it is empty below the header.")
    return table


def _numbers(path: str | Path, written: pd.Series) -> pd.Series:
    value = pd.to_numeric(written, errors="coerce")
    wrong = value.isna() | value.abs().eq(float("inf"))
    if wrong.any():
        row = written.index[wrong][0]
        raise DataError(f"{path}, row {row}, column {written.name}: {written[row]!r} is not a number.")
    return value.astype(float)
