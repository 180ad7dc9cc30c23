"""How many products a second does a training step take in on a GPU, beside the same towers in torch?

Ours on JAX, by plain `model.fit` in mixed_bfloat16; the peer is transformers' VisionTextDualEncoderModel under
torch.compile, autocast to bfloat16, fused AdamW. Both get the same batch of 224 x 224 pixels and of 64 tokens from the
host's memory and clip gradients, each in a process of its own: neither gives memory of the GPU back. Towers: BERT-base
with ViT-B/16 or ResNet-50. The share is that of the floating-point operations a second that torch reaches for a product
of 8,192 x 8,192 matrices; operations are counted by torch's FlopCounterMode on the peer, for both (ours also has tags
and more pairs of views, which are not counted).

    KERAS_BACKEND=jax python -m benchmarks.training_gpu [--batch 256] [--rounds 5] [--towers vit resnet]

Time: two minutes of compilation, and some seconds, a pair of towers and a side. `--tiny` is for machines without a GPU:
it shows that all runs, and no figure.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

WIDTHS = {"base": (12, 12, 768, 3072), "tiny": (1, 2, 32, 64)}
"""Layers, heads, width and inner width of both transformers."""
PIECES, TAGS, DIM, TOKENS = 30_522, 500, 256, 64


def main() -> None:
    """Prints one JSON object a pair of towers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30, help="of a round")
    parser.add_argument("--towers", nargs="+", choices=["vit", "resnet"], default=["vit", "resnet"])
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    for towers in options.towers:
        ours, theirs = (in_a_process(side, towers, options) for side in (our_side, peer_side))
        rates = {"ours, products/s": ours.pop("rate"), "torch, products/s": theirs.pop("rate")}
        operations, peak = theirs.pop("operations"), theirs.pop("peak")
        shares = {
            name.replace("products/s", "share"): round(rate * operations / peak, 3) for name, rate in rates.items()
        }
        about = {"GFLOP a product": round(operations / 1e9, 1), "matrix rate, TFLOP/s": round(peak / 1e12, 1)}
        ratio = round(rates["ours, products/s"] / rates["torch, products/s"], 2)
        row = {"towers": towers, "batch": options.batch, **theirs, **rates, "ratio": ratio, **about, **shares}
        print(json.dumps(row), flush=True)


def in_a_process(side: Callable[..., dict[str, Any]], towers: str, options: argparse.Namespace) -> dict[str, Any]:
    """What a side finds in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(side, towers, options).result()


def our_side(towers: str, options: argparse.Namespace) -> dict[str, Any]:
    """Products a second of our model."""
    run = our_steps(towers, make_batch(options.batch, size=32 if options.tiny else 224), tiny=options.tiny)
    return {"rate": median_rate(run, options)}


def peer_side(towers: str, options: argparse.Namespace) -> dict[str, Any]:
    """Products a second of the peer, the operations that one takes, and those a second that the chip can do."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    peak = matrix_rate(device, 512 if options.tiny else 8192)
    batch = make_batch(options.batch, size=32 if options.tiny else 224)
    network = peer(towers, "tiny" if options.tiny else "base").to(device)
    operations = count_operations(network, batch, device)
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else "CPU",
        "rate": median_rate(peer_steps(network, batch, device), options),
        "operations": operations,
        "peak": peak,
    }


def median_rate(run: Callable[[int], None], options: argparse.Namespace) -> float:
    """Products a second, the median over the rounds but the first, which compiles."""
    rates = [rate(run, options.steps, options.batch) for _ in range(options.rounds + 1)]
    return round(float(np.median(rates[1:])), 1)


def make_batch(count: int, *, size: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A batch as of `make_dataset`, of noise, and its groups."""
    draw = np.random.default_rng(0)
    there = dict.fromkeys(("has_image", "has_text", "has_tags"), np.ones(count, bool))
    inputs = {
        "image": draw.integers(0, 256, (count, size, size, 3), dtype="uint8"),
        "token_ids": draw.integers(10, PIECES, (count, TOKENS), dtype="int32"),
        "segment_ids": np.zeros((count, TOKENS), "int32"),
        "padding_mask": np.ones((count, TOKENS), bool),
        "tags": (draw.random((count, TAGS)) < 0.01).astype("float32"),
    }
    return inputs | there, np.arange(count)


def our_steps(towers: str, batch: tuple[dict[str, np.ndarray], np.ndarray], *, tiny: bool) -> Callable[[int], None]:
    """Trains for so many steps."""
    import keras
    from keras_hub.models import BertBackbone

    from product_matching.config import OptimizerConfig
    from product_matching.losses import SigmoidMatchLoss
    from product_matching.model import ProductModel
    from product_matching.optimizer import build_optimizer
    from product_matching.text import TextEncoder
    from product_matching.text.vocabulary import SPECIAL_TOKENS

    layers, heads, width, inner = WIDTHS["tiny" if tiny else "base"]
    vocabulary = [*SPECIAL_TOKENS, *(f"w{number}" for number in range(PIECES - len(SPECIAL_TOKENS)))]
    keras.config.set_dtype_policy("mixed_bfloat16")
    bert = BertBackbone(
        vocabulary_size=PIECES, num_layers=layers, num_heads=heads, hidden_dim=width, intermediate_dim=inner,
        dropout=0.1, max_sequence_length=512,
    )  # fmt: skip
    text = TextEncoder(vocabulary, max_tokens=TOKENS, backbone=bert)
    # Flash attention of cuDNN takes no odd number of tokens in training, and a ViT has 197.
    keras.config.disable_flash_attention()
    model = ProductModel(image_tower(towers, tiny), text, [f"tag {n}" for n in range(TAGS)], dim=DIM, hidden_dim=512)
    optimizer = build_optimizer(OptimizerConfig(learning_rate=1e-4), steps=10_000)
    model.compile(optimizer=optimizer, loss=SigmoidMatchLoss())

    def batches() -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        while True:
            yield batch

    def run(steps: int) -> None:
        model.fit(batches(), steps_per_epoch=steps, verbose=0)

    return run


def image_tower(towers: str, tiny: bool) -> Any:
    import keras

    from product_matching.visual import ImageEncoder

    if towers == "resnet":
        size = 32 if tiny else 224
        return ImageEncoder(keras.applications.ResNet50(include_top=False, weights=None, input_shape=(size, size, 3)))
    layers, heads, width, inner = WIDTHS["tiny" if tiny else "base"]
    shape = {"layers": layers, "heads": heads, "hidden_dim": width, "intermediate_dim": inner}
    return ImageEncoder.from_scratch("vit", size=32 if tiny else 224, patch_size=16, pooling="cls", **shape)


def peer(towers: str, scale: str) -> Any:
    """VisionTextDualEncoderModel of the same towers."""
    from transformers import BertConfig, ResNetConfig, ViTConfig

    from benchmarks.peers import joined

    layers, heads, width, inner = WIDTHS[scale]
    shape = {
        "num_hidden_layers": layers, "num_attention_heads": heads, "hidden_size": width, "intermediate_size": inner
    }  # fmt: skip
    vision = ViTConfig(image_size=224 if scale == "base" else 32, **shape) if towers == "vit" else ResNetConfig()
    return joined(vision, BertConfig(vocab_size=PIECES, **shape), dim=DIM).train()


def on_device(batch: tuple[dict[str, np.ndarray], np.ndarray], device: str) -> dict[str, torch.Tensor]:
    import torch

    inputs, _ = batch
    pixels = torch.from_numpy(inputs["image"]).to(device, non_blocking=True)
    return {
        "pixel_values": pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1),
        "input_ids": torch.from_numpy(inputs["token_ids"]).to(device).long(),
        "attention_mask": torch.from_numpy(inputs["padding_mask"]).to(device).long(),
    }


def peer_steps(network: Any, batch: tuple[dict[str, np.ndarray], np.ndarray], device: str) -> Callable[[int], None]:
    """Trains for so many steps, and waits for the last."""
    import torch

    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    compiled = torch.compile(network)

    def run(steps: int) -> None:
        for _ in range(steps):
            with torch.autocast(device, torch.bfloat16):
                loss = compiled(**on_device(batch, device), return_loss=True).loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        float(loss.detach())

    return run


def count_operations(network: Any, batch: tuple[dict[str, np.ndarray], np.ndarray], device: str) -> float:
    """Floating-point operations of a training step a product, of products of matrices and convolutions."""
    from torch.utils.flop_counter import FlopCounterMode

    few = ({name: value[:8] for name, value in batch[0].items()}, batch[1][:8])
    with FlopCounterMode(display=False) as counter:
        network(**on_device(few, device), return_loss=True).loss.backward()
    network.zero_grad(set_to_none=True)
    return counter.get_total_flops() / len(few[1])


def matrix_rate(device: str, size: int) -> float:
    """Operations a second of a product of two bfloat16 matrices of random numbers, the best of five tries of ten."""
    import torch

    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(6):
        start = time.perf_counter()
        for _ in range(10):
            product = left @ right
        float(product[0, 0])
        times.append(time.perf_counter() - start)
    return 10 * 2 * size**3 / min(times[1:])


def rate(run: Callable[[int], None], steps: int, batch: int) -> float:
    """Products a second."""
    start = time.perf_counter()
    run(steps)
    return steps * batch / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
