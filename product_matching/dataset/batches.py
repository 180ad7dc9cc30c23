"""Batches of prepared products, as a `tf.data.Dataset`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import tensorflow as tf

from product_matching._types import IntArray, Tensor
from product_matching.dataset.catalog import Catalog
from product_matching.dataset.kept import KeptFeatures
from product_matching.dataset.ordering import Order
from product_matching.dataset.tag_facets import Unknown, unknown_tags
from product_matching.errors import ConfigError
from product_matching.text.augment import as_typed, drop_fields
from product_matching.visual import augment_images, rand_augment

RAW = ("title", "description", "tags")
BESIDE_IMAGE = "beside_image"
"""Picture for a second image tower, beside the `image` of the first."""


class ProductPreprocessor(Protocol):
    """What batches need of a model's preprocessor."""

    image_size: int
    beside_image_size: int
    tags: Callable[[Tensor], Mapping[str, Tensor]]

    def decode(self, contents: Tensor) -> Tensor: ...

    def decode_beside(self, contents: Tensor) -> Tensor: ...

    def assemble(
        self,
        pixels: Tensor,
        has_image: Tensor,
        raw: dict[str, Tensor],
        features: Mapping[str, Tensor] = ...,
        beside: Mapping[str, Tensor] = ...,
    ) -> dict[str, Tensor]: ...


def make_dataset(
    catalog: Catalog,
    preprocessor: ProductPreprocessor,
    *,
    batch_size: int = 128,
    training: bool = False,
    augment: float | None = None,
    swap_fields: float = 0.0,
    typed: float = 0.0,
    rand_augment_ops: int = 0,
    same_kind: int = 1,
    bucket: bool = False,
    seed: int = 0,
    epochs: int = 0,
    start_step: int = 0,
    cache: bool | str | Path = True,
    deterministic: bool = True,
    features: Mapping[str, np.ndarray] | None = None,
    near: Callable[[int], IntArray] | None = None,
    sampling_correction: bool = False,
    weight_by: str = "",
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
        swap_fields: Probability that title and description change places, where texts are varied.
        typed: In training, or where `augment` says so, probability that a text becomes what a shopper might type: one
            to three words of title and tags, see `as_typed`.
        rand_augment_ops: Changes of light and colour that each image gets besides, where images are varied.
        same_kind: In training, so many products of one kind of goods stand together: each is a hard negative of the
            others. With 1, batches are drawn at random, and most negatives are too easy to teach more than the kind.
        bucket: In training, put texts of about one length into a batch: a preprocessor that fills rows up to the
            longest then fills less. Not with `same_kind`.
        seed: Seed of the shuffle and the views.
        epochs: In training, one dataset of so many epochs, for `fit(…, steps_per_epoch=…)`, whose n-th batch follows
            from the seed and n alone; 0: each pass over the dataset is an epoch.
        start_step: Batches of these `epochs` to leave out, as many as an interrupted training has seen; their images
            are not decoded.
        cache: Keep the decoded images in memory, or in a folder, under a name that follows from the images; False:
            decode them each time.
        deterministic: False lets batches overtake each other, which is faster and not repeatable.
        features: What frozen towers, or frozen halves of them, gave for each product and view, as of
            `frozen_features`: `image_features`, `text_features` float32 [N, views, c], or `image_hidden`, `text_hidden`
            float [N, views, …]; for texts also `has_text` bool [N] and, with `text_hidden`, `padding_mask` bool
            [N, views, L]. They stand in for the images and the texts, which are then neither decoded nor tokenised;
            training draws one of the views. `beside_image_features` and `beside_text_features` [N, views, c] stand in
            for what a second tower would be shown alone, and `token_ids`, `segment_ids`, `padding_mask` [N, views, L]
            with `has_text` for the texts. Other arrays [N, c] go along with their products as they are.
        near: With `epochs`: gives for each of them a key for every product, int64 [N], of which `same_kind` equal ones
            stand together instead of those of one kind.
        sampling_correction: In training, tell how often a product's group comes: `log_q`, see `correct_for_sampling`.
        weight_by: In training, a column of numbers, such as sales, by which products count in the loss.

    Returns:
        Batches of (inputs as the model takes them, int64 [B] group of each product, in training its family: one title,
        or one picture) and, with `weight_by`, float32 [B] weights whose mean over the catalogue is 1. In training the
        inputs may hold `unknown_tags`, see there.

    Raises:
        ConfigError: If options exclude each other.
        DataError: If a weight is no number of 0 or more.
    """
    if (bucket and same_kind > 1) or (epochs and not training) or ((start_step or near) and not epochs):
        raise ConfigError(
            "bucket goes without same_kind, epochs with training, start_step and near with epochs; "
            f"got {bucket=}, {same_kind=}, {training=}, {epochs=}, {start_step=}, near={near is not None}."
        )
    kept = KeptFeatures(features or {})
    parallel = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": deterministic}
    # Decoding is most of the work: it need not wait until tf.data has found out that a second thread helps.
    decoding = {"num_parallel_calls": os.cpu_count() or 1, "deterministic": deterministic}
    rows = tf.data.Dataset.from_tensor_slices(
        _raw(catalog, bucket, training) | _lessons(catalog, training, sampling_correction, weight_by)
    )
    decode = _decoder(preprocessor, kept)
    if decode and cache:
        rows = rows.map(decode, **decoding)
        rows = rows.cache() if cache is True else rows.cache(_cache_file(cache, catalog, preprocessor, kept))
        decode = None
    order = Order(
        len(catalog), batch_size, training=training, seed=seed, epochs=epochs, start_step=start_step,
        run_key="length" if bucket else "kind", run=batch_size if bucket else same_kind,
        keys=near,
    )  # fmt: skip
    rows = order.arrange(rows)
    rows = rows.map(decode, **decoding) if decode else rows  # after the shuffle, which then holds no pixels
    batches = order.batch(rows)
    strength = float(training) if augment is None else float(augment)
    if strength > 0:
        augmenter = _augmenter(strength, swap_fields, typed, rand_augment_ops, kept)
        batches = tf.data.Dataset.zip(batches, order.seeds()).map(augmenter, **parallel)
    elif kept:
        batches = batches.map(lambda batch: {**batch, "features": kept.look_up(batch["place"], None)}, **parallel)
    unknown = unknown_tags(catalog, preprocessor.tags) if training else None
    finished = batches.map(_finisher(preprocessor, unknown), **parallel)
    # Of several workers each keeps its part of every batch: there are no files to share out.
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return finished.prefetch(tf.data.AUTOTUNE).with_options(options)


def _raw(catalog: Catalog, bucket: bool, training: bool) -> dict[str, np.ndarray]:
    columns = {name: catalog.table[name].to_numpy(dtype=object).astype(str) for name in RAW}
    kinds = pd.factorize(catalog.categories())[0].astype(np.int64)
    lengths = {"length": _length_buckets(catalog)} if bucket else {}
    paths = np.array(catalog.image_paths(), dtype=str)
    # In training, who shows the same picture under another title is no wrong answer either.
    groups = catalog.families() if training else catalog.groups()
    place = np.arange(len(catalog))
    return {**columns, "path": paths, "group": groups, "kind": kinds, "place": place, **lengths}


def _lessons(catalog: Catalog, training: bool, sampling_correction: bool, weight_by: str) -> dict[str, np.ndarray]:
    """What only a loss asks for."""
    found = {}
    if training and sampling_correction:
        _, group, sizes = np.unique(catalog.families(), return_inverse=True, return_counts=True)
        found["log_q"] = np.log(sizes[group] / len(catalog)).astype(np.float32)
    if training and weight_by:
        found["weight"] = catalog.weights(weight_by)
    return found


def _length_buckets(catalog: Catalog, count: int = 6) -> IntArray:
    """A number for each text, the same for texts of about one length: int64 [N] below `count`."""
    # A Chinese character is a token, as three bytes of Latin letters about are.
    sizes = np.array([len(text.encode("utf-8")) for text in catalog.texts()])
    edges = np.quantile(sizes, np.linspace(0, 1, count + 1)[1:-1]) if len(sizes) else []
    return np.searchsorted(edges, sizes).astype(np.int64)


def _cache_file(folder: str | Path, catalog: Catalog, preprocessor: ProductPreprocessor, kept: KeptFeatures) -> str:
    """A file whose name changes with the images, their order and their sizes, since tf.data reads what is there."""
    pictures = {"image": preprocessor.image_size, BESIDE_IMAGE: preprocessor.beside_image_size}
    sizes = [size for name, size in pictures.items() if size and not kept.replaces(name)]
    states = [(path, Path(path).stat().st_mtime_ns if path else 0) for path in catalog.image_paths()]
    words = [catalog.table[name].tolist() for name in RAW]
    digest = hashlib.sha256(json.dumps([sizes, states, words]).encode()).hexdigest()
    Path(folder).mkdir(parents=True, exist_ok=True)
    return str(Path(folder) / f"images-{digest[:32]}")


def _decoder(preprocessor: ProductPreprocessor, kept: KeptFeatures) -> Callable | None:
    """Reads the pictures that nothing stands in for; None: there are none."""
    decoders = {} if kept.replaces("image") else {"image": preprocessor.decode}
    if preprocessor.beside_image_size and not kept.replaces(BESIDE_IMAGE):
        decoders[BESIDE_IMAGE] = preprocessor.decode_beside
    if not decoders:
        return None

    def decode(row: dict[str, Tensor]) -> dict[str, Tensor]:
        path = row["path"]
        has_image = tf.strings.length(path) > 0
        contents = tf.cond(has_image, lambda: tf.io.read_file(path), lambda: tf.constant(b""))
        return {**row, **{name: decoder(contents) for name, decoder in decoders.items()}}

    return decode


def _augmenter(strength: float, swap: float, typed: float, ops: int, kept: KeptFeatures) -> Callable:
    def augment(batch: dict[str, Tensor], seed: Tensor) -> dict[str, Tensor]:
        image_seed, text_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        if kept:
            batch = {**batch, "features": kept.look_up(batch["place"], text_seed)}
        fields = drop_fields(batch["title"], batch["description"], text_seed, swap=swap, strength=strength)
        if typed:
            fields = as_typed(*fields, batch["tags"], text_seed + 1, share=typed)
        batch = {**batch, "title": fields[0], "description": fields[1]}
        return {**batch, **{name: vary(batch[name], image_seed) for name in ("image", BESIDE_IMAGE) if name in batch}}

    def vary(images: Tensor, seed: Tensor) -> Tensor:
        images = augment_images(images, seed, strength=strength)
        return rand_augment(images, seed + 1, ops=ops, strength=strength) if ops else images

    return augment


def _finisher(preprocessor: ProductPreprocessor, unknown: Unknown | None) -> Callable:
    def finish(batch: dict[str, Tensor]) -> tuple:
        raw = {name: batch[name] for name in RAW}
        has_image = tf.strings.length(batch["path"]) > 0
        more = {"features": batch["features"]} if "features" in batch else {}
        more |= {"beside": {BESIDE_IMAGE: batch[BESIDE_IMAGE]}} if BESIDE_IMAGE in batch else {}
        inputs = preprocessor.assemble(batch.get("image"), has_image, raw, **more)
        if unknown:
            inputs["unknown_tags"] = unknown(inputs["tags"])
        inputs |= {"log_q": batch["log_q"]} if "log_q" in batch else {}
        return (inputs, batch["group"], batch["weight"]) if "weight" in batch else (inputs, batch["group"])

    return finish
