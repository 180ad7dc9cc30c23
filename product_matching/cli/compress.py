"""`compress`: a bundle with smaller weights or fewer layers, and what that changes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_json
from product_matching.cli.measuring import add_measuring, measured_products
from product_matching.cli.output import emit, table
from product_matching.cli.progress import step

if TYPE_CHECKING:
    from product_matching.bundle import Bundle
    from product_matching.dataset import Catalog

ABOUT = """
Writes the model of a bundle as a new bundle whose weights are rounded to a smaller type. float16 halves the files; int8
keeps a byte a weight in the SavedModel and two in model.keras. All that reads the new bundle (serve, TF Serving,
evaluate, train --init) computes with the rounded weights, in float32: the files and their transfer shrink, the time of
an answer does not. --text-layers drops layers of the text tower, which makes it faster, too. With --catalog both
bundles are measured on the products that training held out.
Index, recommender and report are not copied: build them anew.
"""
COLUMNS = {
    "weights": "weights",
    "variables": "variables, kB",
    "model.keras": "model.keras, kB",
    "bundle": "bundle, kB",
    "text_ms": "text, ms",
    "image_ms": "image, ms",
    "recall@10": "recall@10",
    "accuracy": "accuracy",
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("compress", help="write a bundle with smaller weights", description=ABOUT)
    parser.add_argument("bundle", help="folder of the bundle")
    parser.add_argument("--out", required=True, type=Path, metavar="BUNDLE", help="folder of the new bundle")
    parser.add_argument(
        "--weights",
        choices=["float32", "float16", "int8"],
        default="int8",
        help="type that matrices and tables are kept in (default: int8)",
    )
    parser.add_argument(
        "--text-layers",
        type=int,
        default=0,
        metavar="N",
        help="keep so many layers of the text tower, and train a little further: train --init (default: all)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the bundle that is there")
    add_measuring(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Compresses and, with a table, measures."""
    from product_matching.bundle import free_path, load_bundle
    from product_matching.deploy import compress

    bundle = load_bundle(options.bundle)
    free_path(options.out, overwrite=options.overwrite)
    products = measured_products(bundle, options)
    before = _row(bundle, products)
    with step("write the bundle"):
        smaller = {"weights": options.weights, "text_layers": options.text_layers}
        folder = compress(bundle, options.out, **smaller, overwrite=options.overwrite)
    result = {"bundle": str(folder), "before": before, "after": _row(load_bundle(folder), products)}
    emit(result, as_json=options.json, text=_text)


def _row(bundle: Bundle, products: Catalog | None) -> dict[str, Any]:
    from product_matching.deploy.compressing import sizes, standing

    row = {"weights": bundle.manifest.get("weights", "float32"), **sizes(bundle)}
    if products is not None:
        with step(f"measure {bundle.folder} on {len(products)} products"):
            row |= standing(bundle, products)
    return row


def _text(result: dict[str, Any]) -> str:
    before, after = result["before"], result["after"]
    shown = {name: title for name, title in COLUMNS.items() if name in after}
    rows = [[what, *(_cell(name, row[name]) for name in shown)] for what, row in (("before", before), ("after", after))]
    lines = [table(["", *shown.values()], rows), f"bundle: {result['bundle']}"]
    return "\n".join([*lines, f"next: product-matching index {result['bundle']} CATALOG"])


def _cell(name: str, value: Any) -> Any:
    """Bytes in thousands."""
    return f"{value / 1000:,.0f}" if name in ("variables", "model.keras", "bundle") else value
