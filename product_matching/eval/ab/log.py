"""Reads the log of a test: who saw which variant, and what they did."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from product_matching.dataset.tables import read_table
from product_matching.errors import DataError, unknown_name

COLUMNS = ("user_id", "variant", "event", "value")


def load_log(path: str | Path, *, columns: dict[str, str] | None = None) -> pd.DataFrame:
    """A table of events: `user_id`, `variant`, `event`, and perhaps `value` (1 where there is none).

    Args:
        path: .csv, .tsv, .jsonl or .parquet.
        columns: What the columns are called in the table, by our names.

    Raises:
        DataError: If a column is missing, a value is no number, or a user saw two variants.
    """
    table = read_table(Path(path)).rename(columns={theirs: ours for ours, theirs in (columns or {}).items()})
    for name in COLUMNS[:3]:
        if name not in table.columns:
            raise DataError(f"{path}: {unknown_name('column', name, table.columns)} Name it: --column {name}=THEIRS.")
    if table.empty:
        raise DataError(f"{path} has no events: it is empty below the header.")
    written = table["value"] if "value" in table.columns else pd.Series("1", index=table.index)
    value = pd.to_numeric(written.replace("", "1"), errors="coerce")
    wrong = value.isna() | value.abs().eq(float("inf"))
    if wrong.any():
        row = table.index[wrong][0]
        raise DataError(f"{path}, row {row}, column value: {written[row]!r} is not a number.")
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
    return table[["user_id", "variant", "event"]].assign(value=value.astype(float)).reset_index(drop=True)
