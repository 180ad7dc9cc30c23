"""Does an image find its text, and a text its image, better than what one would pick instead?

Data: a catalogue table with pictures; a tenth of the products, by group, is the test, a tenth validation.
Peers, on the same split, pictures, tokens and pairs:
  dual encoder    transformers' VisionTextDualEncoderModel of a BERT and a ResNet as large as ours, its own contrastive
                  loss, trained in torch on the very batches that ours gets, for as many seconds as ours took
  infonce         ours, trained by InfoNCE instead of the sigmoid loss
  linear map      frozen all-MiniLM-L6-v2 and ResNet-50, ridge regression from one space into the other
  linear map ranked likewise
                  the same, with what is near to everything taken off as ours does; all other peers rank by cosine
  chance
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
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.peers import dual_encoder, frozen_vectors, linear_map
from product_matching.cli.train import embedded_once
from product_matching.config import Config, load_config
from product_matching.dataset import Catalog, load_data, make_sample_shop, match_pairs
from product_matching.eval import calibrate, evaluate
from product_matching.eval.galleries import BANK, Gallery, Ranker
from product_matching.metrics import (
    best_threshold,
    bootstrap_interval,
    match_metrics,
    query_ranks,
    recall_at,
    retrieval_metrics,
)
from product_matching.metrics.reach import PICTURE, WORDS
from product_matching.model import ProductModel, build_model
from product_matching.train import fit

Parts = tuple[Catalog, Catalog, Catalog]
Embed = Callable[[Catalog], dict[str, np.ndarray]]
FROZEN_IMAGE = ("image.pretrained={resnet}", "image.trainable_blocks=0", "image.size=128")
FROZEN = ("text.pretrained={minilm}", "text.trainable_blocks=0", *FROZEN_IMAGE)
LORA = ("text.pretrained={minilm}", "text.lora_rank=8")
OURS: dict[str, tuple[str, ...]] = {
    "scratch": (),
    "infonce": ("train.loss=infonce",),
    "hard negatives": ("train.hard_negatives=0.5",),
    # As the preset frozen has it: an epoch of the heads alone costs next to nothing.
    "frozen": (
        *FROZEN,
        "model.dim=256",
        "model.hidden_dim=512",
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
        "model.dim=256",
        "model.hidden_dim=512",
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
}
"""Our ways, and what each changes in the configuration."""
ASKED = 5_000
"""Texts that are asked among all, at most."""
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
    took = took_map = 0.0
    mapped: Embed | None = None  # made by the first way that wants it
    for way in options.ways.split(","):
        if way in OURS:
            changes = [f"train.epochs={options.epochs}", *options.set, *OURS[way]]
            changes = [change.format(**places) for change in changes]
            if options.seconds:
                changes.append(f"train.epochs={epochs_within(options.seconds, parts, changes)}")
            row = ours(parts, load_config("small", changes))
            took = row["seconds"] if way == "scratch" else took
        elif way == "dual encoder":
            config = load_config("small", options.set)
            start = time.process_time()
            embed = dual_encoder(
                parts[0], build_model(config, parts[0]), config, seconds=took or options.seconds or 600
            )
            row = {"seconds": time.process_time() - start, **measured(embed, parts)}
        elif way.startswith("linear map"):
            start = time.process_time()
            mapped = mapped or linear_map([parts[0]], frozen_vectors(places["minilm"], places["resnet"]))
            row = measured(mapped, parts, ranked_likewise(mapped, parts[0]) if way.endswith("likewise") else None)
            took_map = took_map or time.process_time() - start
            row["seconds"] = took_map
        else:
            row = measured(random_vectors, parts)
        yield {"way": way, **row}


def ranked_likewise(embed: Embed, train: Catalog) -> Ranker:
    """Ranks vectors as ours are ranked, by those of the training."""
    views, rows = embed(train), train.with_image_and_text()[:BANK]
    return Ranker({kind: views[kind][rows] for kind in ("text", "image")})


def ours(parts: Parts, config: Config) -> dict[str, Any]:
    """Trains, calibrates and measures our model; seconds are those of the fit."""
    train, val, _ = parts
    model = build_model(config, train)
    with tempfile.TemporaryDirectory() as folder:
        config = replace(config, train=replace(config.train, feature_cache=folder))
        start = time.process_time()
        history = fit(model, train, val, config)
        seconds = time.process_time() - start
        about = {"epochs": len(history["loss"]), "seconds": seconds}
        return about | trained_figures(model, parts, config)


def trained_figures(
    model: ProductModel, parts: Parts, config: Config, *, references: Catalog | None = None, whole: bool = True
) -> dict[str, Any]:
    """Calibrates a trained model, ranks by `references`, by default what it learned from, and measures it.

    With `whole`, among the pictures of all products, too.
    """
    train, val, test = parts
    embed = embedded_once(config.train.feature_cache)
    calibrate(model, val, references=train if references is None else references, embed=embed)
    views = embed(model, test)
    found = evaluate(model, test, views=views)
    ranker = Ranker.of(model)
    matching = {name: found[name] for name in ("accuracy", "accuracy_interval", "precision", "recall", "f1")}
    figures = {**matching, "same kind": found["accuracy_same_kind"], **searches(views, test, ranker)}
    if whole:
        figures |= among_all(lambda catalog: views if catalog is test else embed(model, catalog), parts, ranker)
    return figures


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


def measured(embed: Embed, parts: Parts, ranker: Ranker | None = None, *, whole: bool = True) -> dict[str, Any]:
    """The same figures of vectors that are compared by cosine alone, or ranked otherwise."""
    ranker = ranker or Ranker({})
    _, val, test = parts
    scores, drawn = [], []
    for part in (val, test):
        views, pairs = embed(part), match_pairs(part)
        scores.append((views["image"][pairs.image] * views["text"][pairs.text]).sum(axis=1))
        drawn.append(pairs)
    threshold = best_threshold(drawn[0].label, scores[0], aim="accuracy")
    pairs, right = drawn[1], (scores[1] >= threshold) == drawn[1].label
    asked = pairs.hard | (pairs.label == 1)
    sides = [right[asked & (pairs.label == side)].mean() for side in (0, 1)]
    by_image = np.bincount(pairs.image, weights=right)[np.unique(pairs.image)] / 2
    metrics = match_metrics(pairs.label, scores[1], threshold=threshold)
    return {
        "accuracy": metrics["accuracy"],
        "accuracy_interval": list(bootstrap_interval(by_image)),
        **{name: metrics[name] for name in ("precision", "recall", "f1")},
        "same kind": float(np.mean(sides)),
        **searches(views, test, ranker),
        **(among_all(embed, parts, ranker) if whole else {}),
    }


def searches(views: dict[str, np.ndarray], catalog: Catalog, ranker: Ranker) -> dict[str, Any]:
    """Recall and reciprocal ranks among the held-out products, both ways, and the interval of the first."""
    rows = catalog.with_image_and_text()
    groups, gallery = catalog.groups()[rows], Gallery(ranker, catalog, views)
    ways = {"": ("text", "image", WORDS), "image to text ": ("image", "text", PICTURE)}
    found = {}
    for name, (asks, answers, sides) in ways.items():
        options = {"query_groups": groups, "gallery_groups": groups}
        asked, items = ranker.queries(views[asks][rows], sides), gallery.items(answers)[1]
        one = retrieval_metrics(asked, items, **options)
        found |= {name + key: one[key] for key in ("recall@1", "recall@5", "recall@10", "mrr")}
        if not name:
            ranks = query_ranks(asked, items, **options)
            found |= {"recall@10 interval": list(bootstrap_interval(recall_at(ranks, 10))), "gallery": len(rows)}
    return found


def among_all(embed: Embed, parts: Parts, ranker: Ranker) -> dict[str, Any]:
    """Texts of the test, and of some products of the training, asked among the pictures of all products."""
    shown, groups, seen = [], [], []
    for part in parts:
        some = part.with_image_and_text()
        views = embed(part)
        shown.append({kind: views[kind][some] for kind in ("image", "text")})
        groups.append(part.groups()[some])
        seen.append(np.full(len(some), part is parts[0]))
    views = {kind: np.concatenate([one[kind] for one in shown]) for kind in ("image", "text")}
    items = ranker.items(views["image"], {"text": views["text"]}, seen=np.concatenate(seen))
    found = {}
    for name, texts, of in (("whole", shown[2]["text"], groups[2]), ("trained", shown[0]["text"], groups[0])):
        rows = np.linspace(0, len(texts) - 1, min(len(texts), ASKED)).astype(int)
        options = {"query_groups": of[rows], "gallery_groups": np.concatenate(groups)}
        one = retrieval_metrics(ranker.queries(texts[rows], WORDS), items, **options)
        found |= {f"{name} {key}": one[key] for key in ("recall@10", "mrr")}
    return found | {"whole gallery": len(items)}


def random_vectors(catalog: Catalog) -> dict[str, np.ndarray]:
    """What chance gives."""
    rng = np.random.default_rng(len(catalog))
    views = {view: rng.normal(size=(len(catalog), 32)).astype("float32") for view in ("image", "text")}
    return {view: vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for view, vectors in views.items()}


def packaged_minilm() -> str:
    """The folder of all-MiniLM-L6-v2, where its package is installed."""
    from product_matching.model.reranker.building import packaged_encoder

    return str(packaged_encoder() or "")


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    main()
