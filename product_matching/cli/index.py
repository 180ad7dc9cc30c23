"""`index`: embeds a catalogue and builds the index of a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
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
    parser.add_argument(
        "--vectors",
        choices=["float32", "float16", "int8"],
        default="float32",
        help="what vectors are kept as: float16 takes half the memory and disk of float32, int8 about a quarter; the "
        "recall that is left is measured and written into index.json (default: float32)",
    )
    parser.add_argument(
        "--embeddings", type=Path, metavar="DIR", help="take the vectors that `embed` wrote for this catalogue"
    )
    parser.add_argument(
        "--in-graph",
        action="store_true",
        help="write index/saved_model, too: a SavedModel from words to product ids, with the index inside",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Builds the index."""
    from product_matching.bundle import load_bundle
    from product_matching.search import build_index

    bundle = load_bundle(options.bundle)
    with step("read the catalogue"):
        catalog = read_catalog(options, **bundle.grouping)
    made: dict[str, Any] = {"backend": options.backend, "vector_type": options.vectors}
    if options.embeddings:
        from product_matching.deploy.embedding import Shards

        made["vectors"], made["text_vectors"] = Shards.open(options.embeddings).vectors(bundle, catalog)
    with step("index" if options.embeddings else "embed and index"), bar("embed", len(catalog)) as progress:
        index = build_index(bundle, catalog, **made, progress=progress)
    result = {
        "bundle": str(bundle.folder),
        "products": index.size,
        "rejected": len(catalog.rejected),
        "backend": index.backend_name,
        "info": dict(index.backend.info),
        "vectors": index.vector_info,
    }
    if options.in_graph:
        from product_matching.deploy import export_search

        with step("write the SavedModel"):
            result["saved_model"] = str(export_search(bundle, index))
    emit(result, as_json=options.json, text=_text)


def _text(result: dict[str, Any]) -> str:
    info = "".join(f", {name} {value}" for name, value in result["info"].items())
    kept = result["vectors"]
    graph = f"search in a graph: {result['saved_model']}\n" if "saved_model" in result else ""
    return (
        f"{result['products']} products indexed ({result['backend']}{info})\n"
        f"vectors: {kept['type']}, {kept['bytes_per_vector']} bytes each, "
        f"recall@10 against float32 {kept['recall@10']:.3f}\n"
        f"{graph}"
        f'next: product-matching search {result["bundle"]} --text "…"'
    )
