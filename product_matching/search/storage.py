"""The files of a product index, and how they change: whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from product_matching.errors import BundleError, DataError

FORMAT = 1
META, TABLE = "index.json", "products.parquet"


def write_meta(folder: Path, meta: dict[str, Any]) -> None:
    """Writes `index.json`."""
    text = json.dumps({"format": FORMAT, **meta}, indent=2, ensure_ascii=False)
    (folder / META).write_text(text + "\n", encoding="utf-8")


def read_meta(folder: Path) -> dict[str, Any]:
    """Reads `index.json`.

    Raises:
        BundleError: If it is missing, damaged or of a newer format.
    """
    path = Path(folder) / META
    if not path.is_file():
        raise BundleError(f"There is no index in {folder} ({META} is missing). Build one with `index`.")
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        found = int(meta["format"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} cannot be read ({error!r}). Build the index again.") from error
    if found > FORMAT:
        raise BundleError(f"{path} has format {found}; this version reads up to {FORMAT}. Update the package.")
    return meta


def write_products(folder: Path, products: pd.DataFrame) -> None:
    """Writes `products.parquet`.

    Raises:
        DataError: If a column holds values of several types, which Parquet does not.
    """
    try:
        products.to_parquet(folder / TABLE, index=False)
    except (TypeError, ValueError) as error:  # pyarrow's own errors are among these
        raise DataError(f"The table of products cannot be saved ({error}). Give each column one type.") from error


def read_products(folder: Path) -> pd.DataFrame:
    """Reads `products.parquet`.

    Raises:
        BundleError: If it is missing or damaged.
    """
    path = Path(folder) / TABLE
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are among these
        raise BundleError(f"{path} cannot be read ({error}). Build the index again.") from error
