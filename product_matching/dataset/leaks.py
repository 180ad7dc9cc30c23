"""Leaks: products that stand on two sides of a split, so that a test asks what training has shown."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from product_matching.dataset.catalog import Catalog
from product_matching.dataset.families import first_facts, many_titles
from product_matching.dataset.splitting import SIDES, KnownSides
from product_matching.errors import DataError


def check_leaks(parts: Mapping[str, Catalog], *, images: bool = True) -> None:
    """Makes sure that no product stands on two sides.

    Args:
        parts: Catalogues by name, such as `{"train": …, "val": …, "test": …}`.
        images: Whether one image file under two titles is a leak too; a placeholder never is.

    Raises:
        DataError: If two parts share a product id, a group (the same title or named group), a family or an image file.
    """
    titles = np.concatenate([part.table["title"].to_numpy() for part in parts.values()]) if parts else np.array([])
    for what, marks in _marks(parts, titles, images).items():
        for (left, ours), (right, theirs) in combinations(marks.items(), 2):
            shared = ours.keys() & theirs.keys()
            if shared:
                mark = next(iter(shared))
                raise DataError(
                    f"The split leaks: {len(shared)} {what} stand in both {left} and {right}, such as that of the "
                    f"products {ours[mark]!r} and {theirs[mark]!r}. Split with Catalog.split, or name the column of a "
                    "group: --set split.group_by=COLUMN."
                )


def check_unseen(catalog: Catalog, side: str, known: KnownSides) -> int:
    """Makes sure that products to measure on were not learned from.

    Args:
        catalog: The products.
        side: Where they should stand; `"all"`: nowhere, they are from a table of which training knew nothing.
        known: The split of the training.

    Returns:
        How many of the products are of groups that training learned from: not nought for `"train"` and `"all"` alone.

    Raises:
        DataError: If a product stood on another side.
    """
    sides = known.look_up(catalog.groups())
    if side != "all":
        wrong = np.flatnonzero((sides >= 0) & (sides != SIDES.index(side)))
        if len(wrong):
            product, was = catalog.table["product_id"].iloc[wrong[0]], SIDES[sides[wrong[0]]]
            raise DataError(
                f"The split leaks: {len(wrong)} of {len(catalog)} products of the side {side!r} stood elsewhere in "
                f"training, such as {product!r}, which was in {was!r}."
            )
    return int((sides == SIDES.index("train")).sum())


def _marks(parts: Mapping[str, Catalog], titles: np.ndarray, images: bool) -> dict[str, dict[str, dict]]:
    """By kind of mark and by part: from each mark to the id of a product that bears it."""

    def of(values: Mapping[str, np.ndarray]) -> dict[str, dict]:
        return {
            name: dict(zip(values[name].tolist(), part.table["product_id"], strict=True))
            for name, part in parts.items()
        }

    found = {
        "product ids": of({name: part.table["product_id"].to_numpy() for name, part in parts.items()}),
        "groups": of({name: part.groups() for name, part in parts.items()}),
        "families": of({name: part.families() for name, part in parts.items()}),
    }
    return {**found, "image files": _files(parts, titles)} if images else found


def _files(parts: Mapping[str, Catalog], titles: np.ndarray) -> dict[str, dict]:
    looked = {name: first_facts(part) for name, part in parts.items()}
    digests = {name: [one.digest for one in facts] for name, (_, facts) in looked.items()}
    rows = np.concatenate([rows + before for (rows, _), before in zip(looked.values(), _starts(parts), strict=True)])
    everything = np.array([digest.hex() for one in digests.values() for digest in one])
    order = np.argsort(everything, kind="stable")
    runs = np.split(order, np.flatnonzero(everything[order][1:] != everything[order][:-1]) + 1) if len(order) else []
    crowds = {bytes.fromhex(everything[run[0]]) for run in runs if many_titles(titles[rows[run]])}
    return {
        name: {
            digest: part.table["product_id"].iloc[row]
            for row, digest in zip(looked[name][0], digests[name], strict=True)
            if digest not in crowds
        }
        for name, part in parts.items()
    }


def _starts(parts: Mapping[str, Catalog]) -> list[int]:
    return [0, *np.cumsum([len(part) for part in parts.values()])][: len(parts)]
