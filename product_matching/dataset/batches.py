"""Batches of prepared products, as a `tf.data.Dataset`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import pandas as pd
import tensorflow as tf

from product_matching._types import Tensor
from product_matching.dataset.catalog import Catalog
from product_matching.dataset.tag_facets import Unknown, unknown_tags
from product_matching.text.augment import drop_fields
from product_matching.visual import augment_images

RAW = ("title", "description", "tags")


class ProductPreprocessor(Protocol):
    """What batches need of a model's preprocessor."""

    image_size: int
    tags: Callable[[Tensor], Mapping[str, Tensor]]

    def decode(self, contents: Tensor) -> Tensor: ...

    def assemble(
        self, pixels: Tensor, has_image: Tensor, raw: dict[str, Tensor], features: Mapping[str, Tensor] = ...
    ) -> dict[str, Tensor]: ...


def make_dataset(
    catalog: Catalog,
    preprocessor: ProductPreprocessor,
    *,
    batch_size: int = 128,
    training: bool = False,
    augment: float | None = None,
    same_kind: int = 1,
    seed: int = 0,
    epochs: range | None = None,
    cache: bool = True,
    features: Mapping[str, np.ndarray] | None = None,
) -> tf.data.Dataset:
    """Reads, decodes, tokenises and batches products.

    Images are decoded once and kept in memory at the model's size (12 kB a product at 64 pixels). Without `training`
    the order is the catalogue's and the last batch may be smaller; with it, products are shuffled anew each epoch, the
    same way for the same seed, and a last batch that is not full is left out, unless it is the only one.

    Args:
        catalog: The products.
        preprocessor: `model.preprocessor`.
        batch_size: Products a batch.
        training: Shuffle and augment.
        augment: How strongly images and texts are varied at random, 0 to 2; by default 1 in training, else 0.
        same_kind: In training, so many products of one kind of goods stand together: each is a hard negative of the
            others. With 1, batches are drawn at random, and most negatives are too easy to teach more than the kind.
        seed: Seed of the shuffle and the views.
        epochs: In training, the epochs that one pass over the result goes through; order and views of each depend on
            `seed` and its number alone, so a run that was stopped goes on as if it had not been. By default a pass is
            one epoch, and each pass another one.
        cache: Keep the decoded images in memory.
        features: What frozen towers gave for each product and view: `image_features`, `text_features` float32
            [N, views, c], with the latter `has_text` bool [N]. They stand in for the images and the texts, which are
            then neither decoded nor tokenised; training draws one of the views.

    Returns:
        Batches of (inputs as the model takes them, int64 [B] group of each product). In training the inputs may hold
        `unknown_tags`, see there.
    """
    features = features or {}
    rows = tf.data.Dataset.from_tensor_slices(_raw(catalog))
    if "image_features" not in features:
        rows = rows.map(_decoder(preprocessor), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        rows = rows.cache() if cache else rows
    if features:
        kept = tf.data.Dataset.from_tensor_slices(dict(features))
        rows = tf.data.Dataset.zip(rows, kept).map(lambda row, more: {**row, "features": more})
    one_epoch = functools.partial(
        _one_epoch, rows, len(catalog), batch_size=batch_size, training=training, same_kind=same_kind
    )
    strength = float(training) if augment is None else float(augment)
    if epochs is None:
        batches = one_epoch(seed=seed)
        seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    else:
        steps = int(one_epoch(seed=seed).cardinality())
        # A shuffle takes its seed when it is built, not from a tensor: hence one dataset an epoch, end to end.
        batches = functools.reduce(tf.data.Dataset.concatenate, [one_epoch(seed=seed + epoch) for epoch in epochs])
        seeds = tf.data.Dataset.range(steps * epochs.start, steps * epochs.stop)
        seeds = seeds.map(lambda step: tf.stack([tf.constant(seed, tf.int64), step]))
    if strength > 0:
        batches = tf.data.Dataset.zip(batches, seeds).map(_augmenter(strength))
    elif features:
        batches = batches.map(lambda batch: _choose_view(batch, None))
    unknown = unknown_tags(catalog, preprocessor.tags) if training else None
    finished = batches.map(_finisher(preprocessor, unknown), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return finished.prefetch(tf.data.AUTOTUNE)


def _one_epoch(
    rows: tf.data.Dataset, count: int, *, batch_size: int, training: bool, same_kind: int, seed: int | Tensor
) -> tf.data.Dataset:
    if training:
        rows = rows.shuffle(count, seed=seed, reshuffle_each_iteration=True)
        if same_kind > 1:
            rows = rows.group_by_window(lambda row: row["kind"], lambda _, run: run, window_size=same_kind)
            rows = rows.apply(tf.data.experimental.assert_cardinality(count))
    return rows.batch(batch_size, drop_remainder=training and count >= batch_size)


def _raw(catalog: Catalog) -> dict[str, np.ndarray]:
    columns = {name: catalog.table[name].to_numpy(dtype=object).astype(str) for name in RAW}
    kinds = pd.factorize(catalog.categories())[0].astype(np.int64)
    return {**columns, "path": np.array(catalog.image_paths(), dtype=str), "group": catalog.groups(), "kind": kinds}


def _decoder(preprocessor: ProductPreprocessor) -> Callable:
    def decode(row: dict[str, Tensor]) -> dict[str, Tensor]:
        path = row["path"]
        has_image = tf.strings.length(path) > 0
        contents = tf.cond(has_image, lambda: tf.io.read_file(path), lambda: tf.constant(b""))
        return {**row, "image": preprocessor.decode(contents)}

    return decode


def _augmenter(strength: float) -> Callable:
    def augment(batch: dict[str, Tensor], seed: Tensor) -> dict[str, Tensor]:
        image_seed, text_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        batch = _choose_view(batch, text_seed)
        title, description = drop_fields(batch["title"], batch["description"], text_seed, strength=strength)
        batch = {**batch, "title": title, "description": description}
        if "image" not in batch:
            return batch
        return {**batch, "image": augment_images(batch["image"], image_seed, strength=strength)}

    return augment


def _choose_view(batch: dict[str, Tensor], seed: Tensor | None) -> dict[str, Tensor]:
    """One view of what frozen towers gave: one at random for each product, or the first where there is no seed."""
    chosen = {}
    for name, value in batch.get("features", {}).items():
        if value.shape.rank == 3:
            count, views = tf.shape(value)[0], tf.shape(value)[1]
            at = tf.zeros([count], tf.int32)
            if seed is not None:
                at = tf.random.stateless_uniform([count], seed, 0, views, tf.int32)
            value = tf.gather(value, at, batch_dims=1)
        chosen[name] = value
    return {**batch, "features": chosen} if chosen else batch


def _finisher(preprocessor: ProductPreprocessor, unknown: Unknown | None) -> Callable:
    def finish(batch: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        raw = {name: batch[name] for name in RAW}
        has_image = tf.strings.length(batch["path"]) > 0
        more = {"features": batch["features"]} if "features" in batch else {}
        inputs = preprocessor.assemble(batch.get("image"), has_image, raw, **more)
        if unknown:
            inputs["unknown_tags"] = unknown(inputs["tags"])
        return inputs, batch["group"]

    return finish
