"""`search`: finds products by words, by a picture, or by both."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from product_matching.cli.arguments import add_json
from product_matching.cli.output import emit, table

SHOWN_ATTRIBUTES = 4


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("search", help="find products by words, by a picture, or by both")
    parser.add_argument("bundle", help="folder of a bundle with an index")
    parser.add_argument("--text", default="", help="what a shopper types")
    parser.add_argument("--image", type=Path, metavar="FILE", help="a picture of what is looked for")
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="CONDITION",
        help="colour=red, brand!=Acme, colour=red|blue, price<20, price=10..20 (repeatable)",
    )
    parser.add_argument("-k", type=int, default=10, help="how many products (default: 10)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Searches."""
    from product_matching.errors import ConfigError
    from product_matching.search.filters import parse_filter

    filters = [parse_filter(text) for text in options.filter]
    if options.k < 1:
        raise ConfigError(f"-k takes a number of products from 1; got {options.k}.")
    image = _read_image(options.image) if options.image else b""

    from product_matching.search import SearchEngine

    found = SearchEngine.load(options.bundle).search(options.text, image=image, k=options.k, filters=filters)
    emit({"results": [result.to_dict() for result in found]}, as_json=options.json, text=_text)


def _read_image(path: Path) -> bytes:
    from product_matching.dataset.image_files import read_image

    return read_image(path)


def _text(result: dict[str, Any]) -> str:
    if not result["results"]:
        return "no product meets the filters"
    rows = [
        [
            hit["rank"],
            hit["product_id"],
            hit["probability"],
            hit["title"][:60],
            _attributes(hit["attributes"]),
        ]
        for hit in result["results"]
    ]
    return table(["rank", "product", "match", "title", "attributes"], rows)


def _attributes(attributes: dict[str, Any]) -> str:
    core = ("image", "title", "description", "tags")
    shown = [str(value) for name, value in attributes.items() if name not in core and value not in ("", None)]
    return ", ".join(text[:24] for text in shown[:SHOWN_ATTRIBUTES])
