"""Checks of each row of a catalogue: what is wrong, and in which column."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd

from product_matching.dataset.catalog import REJECTED_COLUMNS
from product_matching.dataset.fingerprints import ImageFacts
from product_matching.dataset.image_files import Found, ImageSource
from product_matching.errors import DataError, unknown_name


class Checked(NamedTuple):
    """The outcome of the checks.

    Attributes:
        table: The usable rows, renumbered from 0.
        lines: Line in the file of each of them: int64 [N].
        rejected: The other rows (`REJECTED_COLUMNS`).
        elsewhere: File of each image that is not the one the table names, because it was fetched or converted.
        images: What each usable image shows, by its name in the table.
    """

    table: pd.DataFrame
    lines: np.ndarray
    rejected: pd.DataFrame
    elsewhere: dict[str, str]
    images: dict[str, ImageFacts]


def check_rows(table: pd.DataFrame, source: ImageSource, *, on_bad_image: str = "reject") -> Checked:
    """Sorts rows into usable ones and rejected ones.

    Args:
        table: Strings, with the core columns; the index is the line in the file.
        source: Where images may come from.
        on_bad_image: `"reject"` or `"keep"`.

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
    found = _find_images(table["image"], source)
    image_faults = _first_faults(table["image"], found)
    if on_bad_image == "reject":
        note(image_faults != "", "image", image_faults)
    else:
        table = table.assign(image=_without_bad(table["image"], image_faults, found))
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
    elsewhere = {name: path for name, (path, *_) in found.items() if path and path != str(source.root / name)}
    images = {name: one.facts for name, one in found.items() if one.facts}
    lines = table.index[~bad].to_numpy()
    return Checked(table[~bad].reset_index(drop=True), lines, rejected.reset_index(drop=True), elsewhere, images)


def _find_images(cells: pd.Series, source: ImageSource) -> dict[str, Found]:
    names = list(dict.fromkeys(name for cell in cells if cell for name in cell.split("|")))
    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(source.find, names), strict=True))


def _first_faults(cells: pd.Series, found: dict[str, Found]) -> pd.Series:
    first = [next((found[name].fault for name in cell.split("|") if name and found[name].fault), "") for cell in cells]
    return pd.Series(first, index=cells.index, dtype=object)


def _without_bad(cells: pd.Series, faults: pd.Series, found: dict[str, Found]) -> pd.Series:
    def good(cell: str) -> str:
        return "|".join(name for name in cell.split("|") if name and not found[name].fault)

    bad = faults != ""
    return cells.where(~bad, cells[bad].map(good))
