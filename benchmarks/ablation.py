"""What does each part of the training bring?

The preset small on one catalogue, and the same with one thing changed: loss, negatives, augmentation, pretrained text
tower, batch size. All with the same epochs, the test and its questions the same.

    python -m benchmarks.ablation CATALOG [--rows 5000] [--epochs 8] [--ways "as it is,infonce"]

Time: three minutes a way and 2,000 products on two cores.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.matching import LORA, ours, packaged_minilm, some_rows
from product_matching.config import load_config
from product_matching.dataset import load_data

WAYS: dict[str, tuple[str, ...]] = {
    "as it is": (),
    "infonce": ("train.loss=infonce",),
    "triplet": ("train.loss=triplet",),
    "random negatives": ("train.same_kind=1",),
    "half of them mined": ("train.hard_negatives=0.5",),
    "no augmentation": ("train.augment=0",),
    "no dropped modalities": ("model.modality_dropout=0",),
    "MiniLM with LoRA": LORA,
    "batches of 32": ("train.batch_size=32",),
    "batches of 256": ("train.batch_size=256",),
}


def main() -> None:
    """Prints one JSON object a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--rows", type=int, default=0, help="so many rows, drawn at random; 0: all")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--ways", default=",".join(WAYS))
    options = parser.parse_args()
    parts = some_rows(load_data(options.catalog), options.rows).split(0)
    for way in options.ways.split(","):
        changes = [f"train.epochs={options.epochs}", *WAYS[way]]
        config = load_config("small", [change.format(minilm=packaged_minilm()) for change in changes])
        print(json.dumps({"way": way, **ours(parts, config)}), flush=True)


if __name__ == "__main__":
    main()
