"""Writes the sample shop to disk: the same tables and pictures that a user would bring."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from product_matching.dataset.sample_shop.listing import Listing, draw_listing
from product_matching.dataset.sample_shop.photo import photograph
from product_matching.dataset.sample_shop.shoppers import buy
from product_matching.errors import DataError


@dataclass(frozen=True)
class SampleShop:
    """Where the tables of a sample shop are.

    Attributes:
        catalog: `catalog.csv`, a row a product, its pictures beside it.
        interactions: `interactions.csv`, a row a purchase.
    """

    catalog: Path
    interactions: Path


def make_sample_shop(
    folder: Path | str,
    *,
    products: int = 4000,
    shoppers: int = 500,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> SampleShop:
    """Makes up a shop of bilingual products with photos, and shoppers who buy there.

    The same arguments give the same files; a shop with fewer products is the beginning of a larger one.

    Args:
        folder: where to write `catalog.csv`, `interactions.csv` and `images/`; made if missing.
        products: number of products.
        shoppers: number of shoppers.
        seed: seed of all draws.
        progress: called after each product with the number of products made so far.

    Raises:
        DataError: if there is no product or no shopper to make.

    Example:
        >>> shop = make_sample_shop("shop", products=100)  # doctest: +SKIP
        >>> shop.catalog  # doctest: +SKIP
        PosixPath('shop/catalog.csv')
    """
    if products < 1 or shoppers < 1:
        raise DataError(f"A sample shop needs at least 1 product and 1 shopper, not {products} and {shoppers}.")
    folder = Path(folder)
    shop = SampleShop(folder / "catalog.csv", folder / "interactions.csv")
    _write_photos(folder, seed, products, progress or (lambda done: None))
    catalog = pd.DataFrame([_row(number, draw_listing(seed, number)) for number in range(products)])
    _write_table(buy(catalog, shoppers=shoppers, seed=seed), shop.interactions)
    _write_table(catalog, shop.catalog)  # last: where it is, the shop is whole
    return shop


def draw_share(folder: Path, seed: int, numbers: range, progress: Callable[[int], None] = lambda done: None) -> None:
    """Draws and writes the photos of the products of these numbers."""
    for done, number in enumerate(numbers, 1):
        listing = draw_listing(seed, number)
        if listing.pictured:
            path = folder / _photo_path(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng([seed, number, 2])
            photograph(listing.spec, rng).save(path, quality=int(rng.integers(80, 93)))
        progress(done)


def _write_photos(folder: Path, seed: int, products: int, progress: Callable[[int], None]) -> None:
    """Draws all photos, each worker every so-many-th one; which worker draws a photo does not change it."""
    workers = min(os.cpu_count() or 1, _MOST_WORKERS) if products >= _WORTH_WORKERS else 1
    shares = [range(first, products, workers) for first in range(workers)]
    # Plain processes: multiprocessing would run the caller's script or notebook again in each.
    children = [
        subprocess.Popen([sys.executable, "-c", _CHILD, folder, str(seed), *map(str, (s.start, s.stop, s.step))])
        for s in shares[1:]
    ]
    try:
        draw_share(folder, seed, shares[0], lambda done: progress(min(done * workers, products)))
        failed = [child.args for child in children if child.wait()]
    finally:
        for child in children:
            child.kill()
    if failed:
        raise RuntimeError(f"{len(failed)} of the processes that draw photos failed; their errors are above.")


_CHILD = """
import pathlib, sys
from product_matching.dataset.sample_shop.shop import draw_share
folder, seed, start, stop, step = sys.argv[1:]
draw_share(pathlib.Path(folder), int(seed), range(int(start), int(stop), int(step)))
"""
_WORTH_WORKERS, _MOST_WORKERS = 1000, 4  # below, a process costs more than it draws


def _photo_path(number: int) -> Path:
    return Path("images", f"{number // 1000:02d}", f"{number:05d}.jpg")


def _row(number: int, listing: Listing) -> dict[str, object]:
    texts = {
        "title": listing.writing.title,
        "description": listing.writing.description,
        "tags": "|".join(listing.tags),
    }
    return {
        "product_id": f"P{number:05d}",
        "image": _photo_path(number).as_posix() if listing.pictured else "",
        **texts,
        **asdict(listing.spec),
        "language": listing.writing.language,
    }


def _write_table(table: pd.DataFrame, path: Path) -> None:
    """Writes beside the place and renames: no reader ever sees half a table."""
    beside = path.with_suffix(".csv.part")
    table.to_csv(beside, index=False, lineterminator="\n")
    beside.replace(path)
