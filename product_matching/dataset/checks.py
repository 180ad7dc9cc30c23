"""Checks of each row of a catalogue: what is wrong, and in which column."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from product_matching.dataset.catalog import REJECTED_COLUMNS
from product_matching.dataset.image_files import image_fault
from product_matching.errors import DataError, unknown_name


def check_rows(table: pd.DataFrame, root: Path, *, on_bad_image: str = "reject") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sorts rows into usable ones and rejected ones.

    Args:
        table: Strings, with the core columns; the index is the line in the file.
        root: Folder that image paths start from and must stay in.
        on_bad_image: `"reject"` or `"keep"`.

    Returns:
        The usable rows, renumbered from 0, and the rejected ones (`REJECTED_COLUMNS`).
    """
    if on_bad_image not in ("reject", "keep"):
        raise DataError(unknown_name("way to treat a bad image", on_bad_image, ["reject", "keep"]))
    table = table.assign(image=["|".join(filter(None, map(str.strip, cell.split("|")))) for cell in table["image"]])
    faults = pd.Series("", index=table.index)
    columns = pd.Series("", index=table.index)

    def note(rows: pd.Series, column: str, reason: str | pd.Series) -> None:
        rows = rows & (faults == "")
        faults[rows] = reason[rows] if isinstance(reason, pd.Series) else reason
        columns[rows] = column

    note(table["product_id"] == "", "product_id", "the product has no id")
    note(table["product_id"].duplicated(), "product_id", "another row above has the same id")
    image_faults = _image_faults(table["image"], root)
    if on_bad_image == "reject":
        note(image_faults != "", "image", image_faults)
    else:
        table = table.assign(image=_without_bad(table["image"], image_faults, root))
    empty = (table[["image", "title", "description"]] == "").all(axis=1)
    note(empty, "image, title, description", "all three are empty; a product needs one of them")
    bad = faults != ""
    rejected = pd.DataFrame(
        {
            "row": table.index[bad],
            "product_id": table["product_id"][bad],
            "column": columns[bad],
            "reason": faults[bad],
        },
        columns=list(REJECTED_COLUMNS),
    )
    return table[~bad].reset_index(drop=True), rejected.reset_index(drop=True)


def _image_faults(cells: pd.Series, root: Path) -> pd.Series:
    names = {name for cell in cells for name in cell.split("|") if name}
    with ThreadPoolExecutor() as pool:
        faults = dict(zip(names, pool.map(lambda name: image_fault(root, name), names), strict=True))
    first = [next((faults[name] for name in cell.split("|") if name and faults[name]), "") for cell in cells]
    return pd.Series(first, index=cells.index, dtype=object)


def _without_bad(cells: pd.Series, faults: pd.Series, root: Path) -> pd.Series:
    def good(cell: str) -> str:
        return "|".join(name for name in cell.split("|") if name and not image_fault(root, name))

    # Only the cells with a fault are looked at again: each look decodes an image.
    bad = faults != ""
    return cells.where(~bad, cells[bad].map(good))
