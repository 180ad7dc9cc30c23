"""`index`: embeds a catalogue and builds the index of a bundle."""

from __future__ import annotations

import argparse
from typing import Any

from product_matching.cli.arguments import add_catalog, add_json, read_catalog
from product_matching.cli.output import emit
from product_matching.cli.progress import bar, step


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("index", help="embed a catalogue and build the index of a bundle")
    parser.add_argument("bundle", help="folder of the bundle")
    add_catalog(parser)
    parser.add_argument(
        "--backend",
        choices=["auto", "exact", "scann", "milvus"],
        default="auto",
        help="how to search (default: ScaNN from 1,000 products on, exact below; milvus needs its extra, and "
        "PRODUCT_MATCHING_MILVUS=ADDRESS for a cluster)",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Builds the index."""
    from product_matching.bundle import load_bundle
    from product_matching.search import build_index

    bundle = load_bundle(options.bundle)
    with step("read the catalogue"):
        catalog = read_catalog(options)
    with step("embed and index"), bar("embed", len(catalog)) as progress:
        index = build_index(bundle, catalog, backend=options.backend, progress=progress)
    result = {
        "bundle": str(bundle.folder),
        "products": index.size,
        "rejected": len(catalog.rejected),
        "backend": index.backend_name,
        "info": dict(index.backend.info),
    }
    emit(result, as_json=options.json, text=_text)


def _text(result: dict[str, Any]) -> str:
    info = "".join(f", {name} {value}" for name, value in result["info"].items())
    return (
        f"{result['products']} products indexed ({result['backend']}{info})\n"
        f'next: product-matching search {result["bundle"]} --text "…"'
    )
