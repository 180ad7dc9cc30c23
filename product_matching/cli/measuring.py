"""Options of commands that measure what they wrote on a table of products, and the products."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from product_matching.cli.arguments import add_catalog_options, read_catalog
from product_matching.cli.evaluate import select_part
from product_matching.cli.progress import step

if TYPE_CHECKING:
    from product_matching.bundle import Bundle
    from product_matching.dataset import Catalog


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """`--catalog`, `--split`, and how to read the table."""
    parser.add_argument("--catalog", type=Path, help="table of products to measure on, before and after")
    parser.add_argument(
        "--split",
        choices=["train", "val", "test", "all"],
        default="test",
        help="which of its products: a side of the training's split, or all (default: test)",
    )
    add_catalog_options(parser)


def measured_products(bundle: Bundle, options: argparse.Namespace) -> Catalog | None:
    """The products of the table that are measured on; None without a table."""
    if not options.catalog:
        return None
    with step("read the catalogue"):
        return select_part(bundle, read_catalog(options, **bundle.grouping), options.split)
