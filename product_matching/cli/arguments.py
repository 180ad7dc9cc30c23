"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.errors import ConfigError

if TYPE_CHECKING:
    from product_matching.dataset import Catalog
    from product_matching.recommendation import Interactions


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")


def add_prefixes(parser: argparse.ArgumentParser) -> None:
    """`--left` and `--right`."""
    for side, other in (("left", "l_"), ("right", "r_")):
        parser.add_argument(
            f"--{side}",
            default="",
            metavar="PREFIX",
            help=f"how the columns of the {side} side begin (default: {side}_, or {other} and the like where they do)",
        )


def add_catalog(parser: argparse.ArgumentParser) -> None:
    """`CATALOG` and how to read it."""
    parser.add_argument("catalog", type=Path, help="table of products: .csv, .tsv, .jsonl or .parquet")
    add_catalog_options(parser)


def add_catalog_options(parser: argparse.ArgumentParser) -> None:
    """How to read a table of products."""
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


def read_catalog(options: argparse.Namespace, **more: Any) -> Catalog:
    """Reads the catalogue that the options name; `more` for `load_data` goes before them."""
    return read_catalog_at(options.catalog, options, **more)


def read_catalog_at(path: Path, options: argparse.Namespace, **more: Any) -> Catalog:
    """Reads a catalogue as the options say; `more` for `load_data` goes before them."""
    from product_matching.dataset import load_data

    if options.limit < 0:
        raise ConfigError(f"--limit takes a number of rows from 1; got {options.limit}.")
    said = {
        "columns": column_mapping(options),
        "strict": options.strict,
        "on_bad_image": options.on_bad_image,
        "limit": options.limit,
        "encoding": options.encoding,
        "image_roots": options.image_root,
        "private_addresses": options.allow_private_addresses,
    }
    return load_data(path, **(said | more))


def add_interactions(parser: argparse.ArgumentParser) -> None:
    """`INTERACTIONS` and how to read it."""
    parser.add_argument("interactions", type=Path, help="table of who took what: .csv, .tsv, .jsonl or .parquet")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="what a column is called in the table, e.g. product_id=item (repeatable)",
    )
    parser.add_argument(
        "--event-weight",
        action="append",
        default=[],
        metavar="EVENT=WEIGHT",
        help="what a kind of event counts, e.g. purchase=1; kinds that are not named are left out (repeatable)",
    )
    parser.add_argument("--encoding", default="", metavar="NAME", help="of the table's text; detected by default")
    parser.add_argument("--strict", action="store_true", help="a row that cannot be used is an error")


def read_interactions(options: argparse.Namespace) -> Interactions:
    """Reads the interactions that the options name."""
    from product_matching.recommendation import load_interactions

    return load_interactions(
        options.interactions,
        columns=column_mapping(options),
        event_weights=_event_weights(options.event_weight) or None,
        strict=options.strict,
        encoding=options.encoding,
    )


def _event_weights(pairs: list[str]) -> dict[str, float]:
    rule = "--event-weight takes EVENT=WEIGHT, a weight above 0, e.g. purchase=1"
    return named_numbers(pairs, lambda weight: weight > 0, rule)


def named_numbers(pairs: list[str], allowed: Callable[[float], bool], rule: str) -> dict[str, float]:
    """NAME=NUMBER of a repeatable option: from the names to the numbers, which are finite and allowed.

    Raises:
        ConfigError: That quotes the rule, where a pair is none or its number is not allowed.
    """
    numbers = {}
    for pair in pairs:
        name, _, value = pair.rpartition("=")
        try:
            numbers[name] = float(value)
        except ValueError:
            numbers[name] = math.nan
        if not name or not math.isfinite(numbers[name]) or not allowed(numbers[name]):
            raise ConfigError(f"{rule}; got {pair!r}.")
    return numbers


def column_mapping(options: argparse.Namespace) -> dict[str, str]:
    """`--column`: from our name to theirs."""
    mapping = {}
    for pair in options.column:
        ours, separator, theirs = pair.partition("=")
        if not (separator and ours and theirs):
            raise ConfigError(f"--column takes OURS=THEIRS, e.g. title=name; got {pair!r}.")
        mapping[ours] = theirs
    return mapping
