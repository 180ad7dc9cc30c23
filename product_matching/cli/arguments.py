"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from product_matching.errors import ConfigError

if TYPE_CHECKING:
    from product_matching.dataset import Catalog


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")


def add_catalog(parser: argparse.ArgumentParser) -> None:
    """`CATALOG` and how to read it."""
    parser.add_argument("catalog", type=Path, help="table of products: .csv, .tsv, .jsonl or .parquet")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="what a column is called in the table, e.g. title=name (repeatable)",
    )
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="read the first N rows only")
    parser.add_argument("--encoding", default="", metavar="NAME", help="of the table's text; detected by default")
    parser.add_argument(
        "--image-root",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="another folder that images may lie in, beside the table's own (repeatable)",
    )
    parser.add_argument(
        "--allow-private-addresses",
        action="store_true",
        help="fetch images from addresses of this machine and its network too",
    )
    parser.add_argument("--strict", action="store_true", help="a row that cannot be used is an error")
    parser.add_argument(
        "--on-bad-image",
        choices=["reject", "keep"],
        default="reject",
        help="what to do with a row whose picture cannot be read (default: reject)",
    )


def read_catalog(options: argparse.Namespace, *, group_by: str = "") -> Catalog:
    """Reads the catalogue that the options name."""
    from product_matching.dataset import load_data

    if options.limit < 0:
        raise ConfigError(f"--limit takes a number of rows from 1; got {options.limit}.")
    return load_data(
        options.catalog,
        columns=_mapping(options.column),
        strict=options.strict,
        on_bad_image=options.on_bad_image,
        group_by=group_by,
        limit=options.limit,
        encoding=options.encoding,
        image_roots=options.image_root,
        private_addresses=options.allow_private_addresses,
    )


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        ours, separator, theirs = pair.partition("=")
        if not (separator and ours and theirs):
            raise ConfigError(f"--column takes OURS=THEIRS, e.g. title=name; got {pair!r}.")
        mapping[ours] = theirs
    return mapping
