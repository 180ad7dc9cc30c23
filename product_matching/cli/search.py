"""`search`: finds products by words, by a picture, or by both."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from product_matching.cli.arguments import add_json
from product_matching.cli.output import emit, table
from product_matching.errors import ConfigError

SHOWN_ATTRIBUTES = 4
SHOWN_VALUES = 10


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
    _add_arranging(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def _add_arranging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--offset", type=int, default=0, metavar="N", help="leave out the first N results (pages)")
    parser.add_argument(
        "--facet",
        action="append",
        default=[],
        metavar="NAME",
        help="count the values of an attribute among what matches; all for each that narrows down (repeatable)",
    )
    parser.add_argument("--group-by", default="", metavar="NAME", help="one result for each value of an attribute")
    parser.add_argument(
        "--diversity", type=float, default=0.0, metavar="W", help="weight of unlike results, 0 to 1 (default: 0)"
    )
    parser.add_argument(
        "--image-weight",
        type=float,
        metavar="W",
        help="with both: 0 words only, 1 picture only (default: the model joins them)",
    )
    parser.add_argument(
        "--min-probability",
        metavar="P",
        help="leave out what is less probable and shares no words; auto for what the index was calibrated to",
    )
    parser.add_argument(
        "--rerank", type=Path, metavar="BUNDLE", help="a bundle of train-pairs reads the first results and orders them"
    )
    parser.add_argument("--rerank-top", type=int, default=50, metavar="N", help="how many it reads (default: 50)")
    parser.add_argument("--no-spelling", action="store_true", help="take words as they are typed")


def run(options: argparse.Namespace) -> None:
    """Searches."""
    from product_matching.search.filters import parse_filter

    filters = [parse_filter(text) for text in options.filter]
    if options.k < 1:
        raise ConfigError(f"-k takes a number of products from 1; got {options.k}.")
    image = _read_image(options.image) if options.image else b""

    from product_matching.search import Options, SearchEngine

    wishes = Options(
        k=options.k,
        offset=options.offset,
        filters=filters,
        spelling=not options.no_spelling,
        image_weight=options.image_weight,
        group_by=options.group_by,
        diversity=options.diversity,
        facets=tuple(options.facet),
        min_probability=_probability(options.min_probability),
        rerank=options.rerank_top if options.rerank else 0,
    )
    engine = SearchEngine.load(options.bundle, reranker=options.rerank or "")
    page = engine.ask(options.text, image=image, options=wishes)
    emit(page.to_dict(), as_json=options.json, text=_text)


def _probability(text: str | None) -> float | str | None:
    try:
        return text if text in (None, "auto") else float(text)
    except ValueError as error:
        raise ConfigError(f"--min-probability takes auto or a number from 0 to 1; got {text!r}.") from error


def _read_image(path: Path) -> bytes:
    from product_matching.dataset.image_files import read_image

    return read_image(path)


def _text(result: dict[str, Any]) -> str:
    notes = [f"searched for: {result['corrected']}"] if result["corrected"] else []
    if not result["results"]:
        return "\n".join([*notes, "no product to show: none meets the filters, or none beyond --offset is a match"])
    if result["nothing_matches"]:
        notes.append("nothing matches; the nearest are:")
    rows = [
        [
            hit["rank"],
            hit["product_id"],
            hit["probability"],
            hit["title"][:60] + (f" (+{len(hit['variants'])})" if "variants" in hit else ""),
            _attributes(hit["attributes"]),
        ]
        for hit in result["results"]
    ]
    found = table(["rank", "product", "match", "title", "attributes"], rows)
    return "\n".join([*notes, found, *(_facet(facet) for facet in result.get("facets", []))])


def _facet(facet: dict[str, Any]) -> str:
    if facet["values"] is None:
        return f"{facet['attribute']}: {facet['minimum']:g} to {facet['maximum']:g}"
    counts = [f"{value} {count}" for value, count in facet["values"].items()]
    return f"{facet['attribute']}: {', '.join(counts[:SHOWN_VALUES])}{', …' if len(counts) > SHOWN_VALUES else ''}"


def _attributes(attributes: dict[str, Any]) -> str:
    core = ("image", "title", "description", "tags")
    shown = [str(value) for name, value in attributes.items() if name not in core and value not in ("", None)]
    return ", ".join(text[:24] for text in shown[:SHOWN_ATTRIBUTES])
