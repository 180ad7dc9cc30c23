"""`embed`: embeds a catalogue in shards, with several processes or with Apache Beam."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from product_matching.cli.arguments import add_catalog, add_json, read_catalog
from product_matching.cli.output import emit
from product_matching.cli.progress import bar, step


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "embed",
        help="embed a large catalogue in shards that can be gone on with, for `index --embeddings`",
        description="Embeds a catalogue into Parquet files of product_id and embedding. Interrupted, it goes on "
        "where it ended when it is started again.",
    )
    parser.add_argument("bundle", help="folder of the bundle")
    add_catalog(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the shards")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes of this machine (default: 1)")
    parser.add_argument(
        "--shard-size", type=int, default=2048, metavar="N", help="products of one file (default: 2048)"
    )
    parser.add_argument(
        "--beam",
        metavar="OPTIONS",
        help='run it as an Apache Beam pipeline (extra beam): --beam="--runner=FlinkRunner …"; --beam="" for the '
        "DirectRunner",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Embeds what is not embedded yet."""
    from product_matching.bundle import load_bundle
    from product_matching.deploy.embedding import Shards, embed_by_beam, embed_by_workers

    bundle = load_bundle(options.bundle)
    with step("read the catalogue"):
        catalog = read_catalog(options)
    shards = Shards.prepare(bundle, catalog, options.out, shard_size=options.shard_size)
    pending = len(shards.pending())
    with step("embed"), bar("embed", shards.size) as progress:
        if options.beam is None:
            embed_by_workers(shards, workers=options.workers, progress=progress)
        else:
            embed_by_beam(shards, shlex.split(options.beam))
    result = {
        "bundle": str(bundle.folder),
        "out": str(shards.folder),
        "products": shards.size,
        "rejected": len(catalog.rejected),
        "shards": shards.count,
        "skipped": shards.count - pending,
    }
    emit(result, as_json=options.json, text=lambda result: _text(result, options.catalog))


def _text(result: dict[str, Any], catalog: Path) -> str:
    return (
        f"{result['products']} products in {result['shards']} shards in {result['out']}"
        f" ({result['skipped']} were there already)\n"
        f"next: product-matching index {result['bundle']} {catalog} --embeddings {result['out']}"
    )
