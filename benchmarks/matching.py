"""Does an image find its text, and a text its image, better than what one would pick instead?

Data: a catalogue table with pictures; a tenth of the products, by group, is the test, a tenth validation.
Ours: the preset small from scratch and by InfoNCE; over pretrained towers, frozen, beside towers of its own, by LoRA,
or with their last blocks or half of ResNet-50 learning; `distilled`, from scratch and taught by the last of these
before it. Peers, on the same split, pictures, tokens and pairs:
  dual encoder    transformers' VisionTextDualEncoderModel of a BERT and a ResNet as large as ours, its own contrastive
                  loss, trained in torch on the very batches that ours gets, for as many seconds as ours took
  linear map      frozen all-MiniLM-L6-v2 and ResNet-50, ridge regression from one space into the other; their tags
                  by another, from pictures to tags
  linear map ranked likewise
                  the same, with what is near to everything taken off as ours does; all other peers rank by cosine
  chance          random vectors; their tags are the most frequent ones
Thresholds of accuracy are chosen on validation for all. False pairs: one for each true one, half of them of one kind.

    python -m benchmarks.matching CATALOG [--ways "scratch,infonce,…"] [--epochs 8 | --seconds 300] [--rows 5000]
        [--resnet FILE] [--set KEY=VALUE …]

Seconds are those of the processor, of all cores together, so that other work on the machine favours nobody.
With --seconds each trained way has as many epochs as fit into them, by the time of a few steps taken beforehand; for
frozen towers, after the time of running them once. `shop:3000` as CATALOG is a sample shop of so many products.

Time: ten minutes a trained way and 5,000 products on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.figures import (
    Parts,
    by_frequency,
    by_regression,
    measured,
    random_vectors,
    ranked_likewise,
    trained_figures,
)
from benchmarks.peers import Embed, dual_encoder, frozen_vectors, linear_map
from product_matching.config import Config, load_config
from product_matching.dataset import Catalog, load_data, make_sample_shop
from product_matching.model import ProductModel, build_model
from product_matching.train import fit

DISTILLED = "distilled"
"""As `scratch`, and taught by the last way before it that had pretrained towers."""
FROZEN_IMAGE = ("image.pretrained={resnet}", "image.trainable_blocks=0", "image.size=128")
FROZEN = ("text.pretrained={minilm}", "text.trainable_blocks=0", *FROZEN_IMAGE)
LORA = ("text.pretrained={minilm}", "text.lora_rank=8")
WIDE = ("tags.dim=256", "model.dim=256", "model.hidden_dim=512")
PARTLY = (
    *WIDE,
    "model.feature_dropout=0.1",
    "optimizer.learning_rate=1e-3",
    "train.linear_start=true",
    "train.batch_size=128",
    "train.patience=0",
)
"""Of ways in which a part of the pretrained towers learns."""
OURS: dict[str, tuple[str, ...]] = {
    "scratch": (),
    "infonce": ("train.loss=infonce",),
    "hard negatives": ("train.hard_negatives=0.5",),
    # As the preset frozen has it: an epoch of the heads alone costs next to nothing.
    "frozen": (
        *FROZEN,
        *WIDE,
        "model.feature_dropout=0.5",
        "optimizer.learning_rate=3e-4",
        "optimizer.weight_decay=0.5",
        "train.linear_start=true",
        "train.start_share=0.5",
        "train.cached_text_views=6",
        "train.typed=0.6",
        "train.batch_size=512",
        "train.epochs=60",
        "train.patience=0",
    ),
    # As the preset beside has it: towers from scratch, and beside them the frozen ones.
    "beside": (
        "text.beside={minilm}",
        "image.beside={resnet}",
        *WIDE,
        "model.feature_dropout=0.3",
        "train.linear_start=true",
    ),
    "lora": LORA,
    "lora after heads": (*LORA, *FROZEN_IMAGE, "train.batch_size=512", "train.head_epochs=40"),
    "lora after heads (own pictures)": (*LORA, "train.head_epochs=6"),
    "full": (
        "text.pretrained={minilm}",
        "image.pretrained={resnet}",
        "image.size=96",
        "train.head_epochs=6",
        "text.learning_rate_factor=0.05",
        "image.learning_rate_factor=0.05",
    ),
    # What stands below the blocks that learn is computed once.
    "last blocks": (
        "text.pretrained={minilm}",
        "text.trainable_blocks=2",
        "text.learning_rate_factor=0.1",
        "image.pretrained={resnet}",
        "image.trainable_blocks=3",
        "image.learning_rate_factor=0.1",
        "image.size=96",
        *PARTLY,
        "train.cached_blocks=true",
        "train.cached_views=2",
        "train.cached_text_views=3",
        "train.typed=0.5",
        "train.head_epochs=4",
    ),
    # Pictures by half of ResNet-50 learning, each shown anew in every epoch; texts as in `beside`.
    "last stages": (
        "text.beside={minilm}",
        "image.pretrained={resnet}",
        "image.trainable_blocks=9",
        "image.learning_rate_factor=0.2",
        "image.size=64",
        *PARTLY,
        "train.augment=0.6",
        "train.head_epochs=2",
        "train.mixed_precision=mixed_bfloat16",
    ),
    DISTILLED: (),
}
"""Our ways, and what each changes in the configuration."""
PEERS = ("dual encoder", "linear map", "linear map ranked likewise", "chance")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog", help="table of products, or shop:N")
    parser.add_argument("--seconds", type=float, default=0, help="train each way for about so long")
    parser.add_argument("--ways", default=",".join([*OURS, *PEERS]))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rows", type=int, default=0, help="so many rows, drawn at random; 0: all")
    parser.add_argument("--resnet", default="", help="weights of ResNet-50, for the frozen ways")
    parser.add_argument("--minilm", default="", help="folder of all-MiniLM-L6-v2; default: of its package")
    parser.add_argument("--set", action="append", default=[], help="changes of the preset small for all of our ways")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop, _, count = options.catalog.partition(":")
        made = shop == "shop" and make_sample_shop(Path(folder), products=int(count), seed=0).catalog
        path = Path(made or options.catalog)
        catalog = some_rows(load_data(path), options.rows)
        name = "sample shop" if made else path.parent.name
        for row in results(catalog.split(0), options):
            print(json.dumps({"catalogue": f"{name}, {len(catalog):,}", **row}), flush=True)


def some_rows(catalog: Catalog, count: int) -> Catalog:
    """So many products, drawn at random; all, if 0."""
    return catalog.take(np.sort(np.random.default_rng(0).permutation(len(catalog))[:count])) if count else catalog


def results(parts: Parts, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each way."""
    places = {"resnet": options.resnet, "minilm": options.minilm or packaged_minilm()}
    train, _, test = parts
    took = took_map = 0.0
    vectors: Embed | None = None
    mapped: Embed | None = None  # made by the first way that wants it
    teacher: ProductModel | None = None
    for way in options.ways.split(","):
        if way in OURS:
            changes = [f"train.epochs={options.epochs}", *options.set, *OURS[way]]
            changes = [change.format(**places) for change in changes]
            if way == DISTILLED and teacher is None:
                raise SystemExit(f"{DISTILLED} wants a teacher: name a way with pretrained towers before it in --ways.")
            if options.seconds:
                changes.append(f"train.epochs={epochs_within(options.seconds, parts, changes)}")
            model, row = trained(parts, load_config("small", changes), teacher if way == DISTILLED else None)
            took = row["seconds"] if way == "scratch" else took
            teacher = model if any(word in " ".join(changes) for word in ("pretrained", ".beside")) else teacher
        elif way == "dual encoder":
            config = load_config("small", options.set)
            start = time.process_time()
            embed = dual_encoder(train, build_model(config, train), config, seconds=took or options.seconds or 600)
            row = {"seconds": time.process_time() - start, **measured(embed, parts)}
        elif way.startswith("linear map"):
            start = time.process_time()
            vectors = vectors or frozen_vectors(places["minilm"], places["resnet"])
            mapped = mapped or linear_map([train], vectors)
            ranker = ranked_likewise(mapped, train) if way.endswith("likewise") else None
            row = measured(mapped, parts, ranker, judge=by_regression(vectors, train, test))
            took_map = took_map or time.process_time() - start
            row["seconds"] = took_map
        else:
            row = measured(random_vectors, parts, judge=by_frequency(train, test))
        yield {"way": way, **row}


def ours(parts: Parts, config: Config) -> dict[str, Any]:
    """Trains, calibrates and measures our model; seconds are those of the fit."""
    return trained(parts, config)[1]


def trained(parts: Parts, config: Config, teacher: ProductModel | None = None) -> tuple[ProductModel, dict[str, Any]]:
    """Our model, perhaps taught by another, and what `ours` tells of it."""
    train, val, _ = parts
    model = build_model(config, train)
    with tempfile.TemporaryDirectory() as folder:
        config = replace(config, train=replace(config.train, feature_cache=folder))
        start = time.process_time()
        history = fit(model, train, val, config, teacher=teacher)
        seconds = time.process_time() - start
        about = {"epochs": len(history["loss"]), "seconds": seconds}
        return model, about | trained_figures(model, parts, config)


def epochs_within(seconds: float, parts: Parts, changes: list[str]) -> int:
    """How many epochs fit: by the median step of two short epochs, after the time of what is computed once."""
    train, val, _ = parts
    config = load_config("small", [*changes, "train.epochs=2"])
    batch = config.train.batch_size
    some = train.take(np.arange(min(len(train), 12 * batch)))
    times: list[float] = []
    start = time.process_time()

    def tick(*_: Any, **__: Any) -> None:
        times.append(time.process_time())

    watch = keras.callbacks.LambdaCallback(on_train_begin=tick, on_train_batch_end=tick)
    fit(build_model(config, some), some, val.take(np.arange(0)), config, callbacks=[watch])
    # What came before the first step, frozen towers above all, grows with the catalogue.
    stands_still = any(word in " ".join(changes) for word in ("trainable_blocks=0", ".beside="))
    once = (times[0] - start) * len(train) / len(some) if stands_still else 0.0
    step = float(np.median(np.diff(times[len(times) // 2 :])))
    return max(round((seconds - once) / (step * (len(train) // batch))), 1)


def packaged_minilm() -> str:
    """The folder of all-MiniLM-L6-v2, where its package is installed."""
    from product_matching.model.reranker.building import packaged_encoder

    return str(packaged_encoder() or "")


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    main()
