"""Writes the sample shop to disk: the same tables and pictures that a user would bring."""

from __future__ import annotations

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
    rows = []
    for number in range(products):
        listing = draw_listing(seed, number)
        rows.append(_row(number, listing, _write_photo(folder, seed, number, listing)))
        if progress is not None:
            progress(number + 1)
    catalog = pd.DataFrame(rows)
    _write_table(buy(catalog, shoppers=shoppers, seed=seed), shop.interactions)
    _write_table(catalog, shop.catalog)  # last: where it is, the shop is whole
    return shop


def _write_photo(folder: Path, seed: int, number: int, listing: Listing) -> str:
    """Writes the picture and returns its path from the folder, empty for a product without picture."""
    if not listing.pictured:
        return ""
    relative = Path("images", f"{number // 1000:02d}", f"{number:05d}.jpg")
    (folder / relative).parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, number, 2])
    photograph(listing.spec, rng).save(folder / relative, quality=int(rng.integers(80, 93)))
    return relative.as_posix()


def _row(number: int, listing: Listing, image: str) -> dict[str, object]:
    texts = {
        "title": listing.writing.title,
        "description": listing.writing.description,
        "tags": "|".join(listing.tags),
    }
    return {
        "product_id": f"P{number:05d}",
        "image": image,
        **texts,
        **asdict(listing.spec),
        "language": listing.writing.language,
    }


def _write_table(table: pd.DataFrame, path: Path) -> None:
    """Writes beside the place and renames: no reader ever sees half a table."""
    beside = path.with_suffix(".csv.part")
    table.to_csv(beside, index=False, lineterminator="\n")
    beside.replace(path)
