"""What does a small catalogue teach, and what keeps a model from learning it by heart?

Data: ikea; the test products are the same for all sizes, the training products are the first 100, 300, 1,000 and 2,000
of one shuffled list (or as many as there are). Ways:
  bare         from scratch, without augmentation, dropout, dropped modalities or early stopping
  regularised  from scratch, preset small as it is, with early stopping
  frozen       pretrained MiniLM and ResNet-50 as they are, only the projections and the fusion learn
  lora         pretrained MiniLM with low-rank updates, the ResNet from scratch

    python -m benchmarks.small_catalogues CATALOG --resnet FILE [--sizes 100 300 1000 2000] [--ways "bare,lora"]

Time: twenty minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.matching import FROZEN, LORA, ours, packaged_minilm
from product_matching.config import load_config
from product_matching.dataset import load_data

BARE = ("train.augment=0", "text.dropout=0", "image.dropout=0", "model.dropout=0", "model.modality_dropout=0")
WAYS = {
    "bare": (*BARE, "train.patience=0", "optimizer.weight_decay=0.01"),
    "regularised": (),
    "frozen": FROZEN,
    "lora": LORA,
}
STEPS = 400
"""Steps of each training, so that a small catalogue is passed over more often."""


def main() -> None:
    """Prints one JSON object a size and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--resnet", required=True, help="weights of ResNet-50")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 300, 1000, 2000])
    parser.add_argument("--ways", default=",".join(WAYS))
    options = parser.parse_args()
    train, val, test = load_data(options.catalog).split(0)
    order = np.random.default_rng(0).permutation(len(train))
    places = {"resnet": options.resnet, "minilm": packaged_minilm()}
    for size in options.sizes:
        known = train.take(np.sort(order[:size]))
        batch = 32 if len(known) < 500 else 64
        epochs = max(round(STEPS / max(len(known) // batch, 1)), 1)
        for way in options.ways.split(","):
            changes = [f"train.epochs={epochs}", f"train.batch_size={batch}", "train.patience=5", *WAYS[way]]
            row = ours((known, val, test), load_config("small", [change.format(**places) for change in changes]))
            print(json.dumps({"products": len(known), "way": way, **row}), flush=True)


if __name__ == "__main__":
    main()
