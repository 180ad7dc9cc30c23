"""What do smaller weights cost: bytes, milliseconds, quality of one model as float32, float16, int8, LiteRT and ONNX?

Each variant is written by `compress` and asked as a shop would: titles and pictures one at a time through the exported
graph (the median), then matching and text-to-image search among the products that training held out. Other bundles of
the same split (a student that imitates this one, say) stand beside it with --also. `dynamic` multiplies in int8; ONNX
(extra onnx) is left out where it is not installed.

Command:

    python -m benchmarks.compression BUNDLE CATALOG [--also BUNDLE …] [--split test] [--queries 200]

`product-matching demo --out DIR` leaves both: DIR and DIR/shop/catalog.csv.

Time: half a minute for the demo's bundle.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

from product_matching.bundle import Bundle, load_bundle
from product_matching.cli.evaluate import select_part
from product_matching.dataset import Catalog, load_data
from product_matching.deploy import compress, convert_towers
from product_matching.deploy.compressing import sizes, standing
from product_matching.deploy.converted import standing_of_towers

WEIGHTS = ("float32", "float16", "int8")


def row(variant: str, bundle: Bundle, part: Catalog, queries: int) -> dict[str, Any]:
    """One line of the table."""
    measured = rounded(standing(bundle, part, queries=queries))
    return {"variant": variant, **sizes(bundle), **measured, "products": len(part)}


def rows_of_towers(bundle: Bundle, part: Catalog, queries: int) -> Iterator[dict[str, Any]]:
    """The lines of the other runtimes; `variables` are the bytes of both files."""
    model = bundle.load_model()
    formats = ["litert", *(["onnx"] if find_spec("tf2onnx") and find_spec("onnxruntime") else [])]
    for to, dynamic in product(formats, (False, True)):
        with tempfile.TemporaryDirectory() as folder:
            files = convert_towers(model, folder, to, dynamic=dynamic)
            measured = rounded(standing_of_towers(model, files, part, queries=queries))
            size = sum(file.stat().st_size for file in files.values())
            variant = to + (", dynamic" if dynamic else "")
            yield {"variant": variant, "variables": size, **measured, "products": len(part)}


def rounded(found: dict[str, float]) -> dict[str, float]:
    """Figures with as many digits as they are worth."""
    return {name: round(value, 2 if name.endswith("_ms") else 4) for name, value in found.items()}


def main() -> None:
    """Prints one JSON object a variant."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("catalog")
    parser.add_argument("--also", nargs="*", default=[], metavar="BUNDLE", help="other bundles of the same split")
    parser.add_argument("--split", choices=["train", "val", "test", "all"], default="test")
    parser.add_argument("--queries", type=int, default=200, help="titles and pictures that are timed")
    options = parser.parse_args()
    bundle = load_bundle(options.bundle)
    part = select_part(bundle, load_data(options.catalog, **bundle.grouping), options.split)
    with tempfile.TemporaryDirectory() as folder:
        for weights in WEIGHTS:
            small = load_bundle(compress(bundle, Path(folder) / weights, weights=weights))
            print(json.dumps(row(weights, small, part, options.queries)), flush=True)
    for line in rows_of_towers(bundle, part, options.queries):
        print(json.dumps(line), flush=True)
    for path in options.also:
        print(json.dumps(row(Path(path).name, load_bundle(path), part, options.queries)), flush=True)


if __name__ == "__main__":
    main()
