"""What do smaller weights cost: bytes, milliseconds and quality of one model as float32, float16 and int8?

Each variant is written by `compress` and asked as a shop would: titles and pictures one at a time through the exported
graph (the median), then matching and text-to-image search among the products that training held out. Other bundles of
the same split (a student that imitates this one, say) stand beside it with --also.

Command:

    python -m benchmarks.compression BUNDLE CATALOG [--also BUNDLE …] [--split test] [--queries 200]

`product-matching demo --out DIR` leaves both: DIR and DIR/shop/catalog.csv.

Time: half a minute for the demo's bundle.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from product_matching.bundle import Bundle, load_bundle
from product_matching.cli.evaluate import select_part
from product_matching.dataset import Catalog, load_data
from product_matching.deploy import compress
from product_matching.deploy.compressing import sizes, standing

WEIGHTS = ("float32", "float16", "int8")


def products(bundle: Bundle, table: str, split: str) -> Catalog:
    """The side of the table that is measured on, cut as the bundle's training cut it."""
    known = bundle.manifest.get("split", {})
    more = {"group_by": known.get("group_by", ""), "near_duplicates": known.get("near_duplicates", False)}
    return select_part(bundle, load_data(table, **more), split)


def row(variant: str, bundle: Bundle, part: Catalog, queries: int) -> dict[str, Any]:
    """One line of the table."""
    digits = {"text_ms": 2, "image_ms": 2, "recall@10": 4, "accuracy": 4}
    found = standing(bundle, part, queries=queries)
    measured = {name: round(value, digits[name]) for name, value in found.items()}
    return {"variant": variant, **sizes(bundle), **measured, "products": len(part)}


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
    part = products(bundle, options.catalog, options.split)
    with tempfile.TemporaryDirectory() as folder:
        for weights in WEIGHTS:
            small = load_bundle(compress(bundle, Path(folder) / weights, weights=weights))
            print(json.dumps(row(weights, small, part, options.queries)), flush=True)
    for path in options.also:
        print(json.dumps(row(Path(path).name, load_bundle(path), part, options.queries)), flush=True)


if __name__ == "__main__":
    main()
