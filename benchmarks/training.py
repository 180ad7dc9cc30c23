"""How many products a second does a training step take in, beside the same towers in torch?

Peer: transformers' VisionTextDualEncoderModel with the same BERT and the same ResNet or ViT, the same batch, threads
and precision (float32), AdamW and clipping in both. Ours computes the vectors of each view of a product, of tags too,
and their loss, where the peer has two views. The two take turns; given is the median over rounds of some seconds each.

    pip install torch
    python -m benchmarks.training [--batch 64] [--rounds 5] [--seconds 4] [--towers resnet vit]

Time: two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import torch

from benchmarks.peers import dual_encoder_network, for_torch
from product_matching.config import Config, load_config
from product_matching.dataset import load_data, make_dataset, make_sample_shop
from product_matching.losses import SigmoidMatchLoss
from product_matching.model import build_model
from product_matching.optimizer import build_optimizer

TOWERS = {
    "resnet": (),
    "vit": (
        "image.backbone=vit",
        "image.layers=6",
        "image.hidden_dim=192",
        "image.heads=3",
        "image.intermediate_dim=768",
    ),
}


def main() -> None:
    """Prints one JSON object a pair of towers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--towers", nargs="+", choices=list(TOWERS), default=list(TOWERS))
    options = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as folder:
        catalog = load_data(make_sample_shop(folder, products=max(200, 2 * options.batch), shoppers=1).catalog)
        for towers in options.towers:
            config = load_config("small", [*TOWERS[towers], f"train.batch_size={options.batch}"])
            steps = ours_and_peers(catalog, config)
            rates = [[rate(step, options.batch, options.seconds) for step in steps] for _ in range(options.rounds)]
            mine, theirs = np.median(rates, axis=0)
            ratio = float(np.median([a / b for a, b in rates]))
            speeds = {"ours, products/s": round(mine, 1), "torch, products/s": round(theirs, 1)}
            print(
                json.dumps({"towers": towers, "batch": options.batch, **speeds, "ratio": round(ratio, 2)}), flush=True
            )


def ours_and_peers(catalog, config: Config) -> tuple[Callable[[], object], Callable[[], object]]:
    """One training step of either, on one batch that lies ready."""
    model = build_model(config, catalog)
    model.compile(optimizer=build_optimizer(config.optimizer), loss=SigmoidMatchLoss(), jit_compile=False)
    inputs, groups = next(iter(make_dataset(catalog, model.preprocessor, batch_size=config.train.batch_size)))
    network = dual_encoder_network(config, pieces=len(model.preprocessor.text.vocabulary)).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    tensors = for_torch(inputs)

    def torch_step() -> None:
        loss = network(**tensors, return_loss=True).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    return lambda: model.train_on_batch(inputs, groups), torch_step


def rate(step: Callable[[], object], batch: int, seconds: float) -> float:
    """Products a second, after one step that is not counted."""
    step()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        count += 1
    return count * batch / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
