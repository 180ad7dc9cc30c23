"""`convert`: the towers of a bundle as ONNX or LiteRT files, for runtimes without TensorFlow."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from product_matching.cli.arguments import add_json
from product_matching.cli.measuring import add_measuring, measured_products
from product_matching.cli.output import emit, table
from product_matching.cli.progress import step

ABOUT = """
Writes the image tower and the text tower of a bundle, each with its projection, as image.onnx and text.onnx (extra
onnx) or image.tflite and text.tflite. They take pixels and token ids, and give the bundle's vectors; decoding and
tokenising stay with the caller. --dynamic keeps and multiplies weights as int8. With --catalog the bundle and the files
are measured on the products that training held out.
"""
COLUMNS = {"text_ms": "text, ms", "image_ms": "image, ms", "recall@10": "recall@10", "accuracy": "accuracy"}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("convert", help="write a bundle's towers as ONNX or LiteRT", description=ABOUT)
    parser.add_argument("bundle", help="folder of the bundle")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the files")
    parser.add_argument("--to", choices=["onnx", "litert"], default="litert", help="format (default: litert)")
    parser.add_argument("--dynamic", action="store_true", help="weights and products in int8 (dynamic range)")
    add_measuring(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Converts and, with a table, measures."""
    from product_matching.bundle import load_bundle
    from product_matching.deploy import convert_towers

    bundle = load_bundle(options.bundle)
    products = measured_products(bundle, options)
    with step("load the model"):
        model = bundle.load_model()
    with step(f"write {options.to}"):
        files = convert_towers(model, options.out, options.to, dynamic=options.dynamic)
    result: dict[str, Any] = {"files": {name: str(file) for name, file in files.items()}}
    result["bytes"] = {name: file.stat().st_size for name, file in files.items()}
    if products is not None:
        from product_matching.deploy.compressing import standing
        from product_matching.deploy.converted import standing_of_towers

        with step(f"measure on {len(products)} products"):
            result["before"] = standing(bundle, products)
            result["after"] = standing_of_towers(model, files, products)
    emit(result, as_json=options.json, text=_text)


def _text(result: dict[str, Any]) -> str:
    lines = [f"{file}: {result['bytes'][name] / 1000:,.0f} kB" for name, file in result["files"].items()]
    if "after" in result:
        rows = [[what, *(result[what][name] for name in COLUMNS)] for what in ("before", "after")]
        lines += ["", table(["", *COLUMNS.values()], rows)]
        lines.append(f"least cosine to the bundle's vectors: {result['after']['cosine']:.4f}")
    return "\n".join(lines)
