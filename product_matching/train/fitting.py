"""The fit of a configuration, on plain `model.fit`."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from product_matching.config import Config, config_to_dict
from product_matching.dataset import Catalog, make_dataset
from product_matching.dataset.ordering import Order
from product_matching.errors import ConfigError
from product_matching.model import ProductModel, build_loss, parameter_counts
from product_matching.model.halves import Halves, cut
from product_matching.model.imitation import Imitation
from product_matching.optimizer import build_optimizer, scale_learning_rate
from product_matching.train.checkpoint import FILE, Checkpoint
from product_matching.train.devices import from_chief, is_chief, share_weights, told_of_lost_workers
from product_matching.train.features import TOWERS, frozen_features, kept_features
from product_matching.train.guards import CollapseGuard, LossGuard
from product_matching.train.heads import of_the_heads, pretrained_towers_at_rest
from product_matching.train.logs import log_callbacks
from product_matching.train.mining import HardNegatives
from product_matching.train.retrieval_monitor import RetrievalMonitor
from product_matching.train.starting import StartMixed, begin_as_regression
from product_matching.train.teaching import teacher_vectors

logger = logging.getLogger(__name__)


def fit(
    model: ProductModel,
    train: Catalog,
    val: Catalog,
    config: Config,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoints: str | Path | None = None,
    resume: bool = False,
    teacher: ProductModel | None = None,
) -> dict[str, list[float]]:
    """Compiles and fits a model.

    A tower of which nothing learns is computed once, before the first epoch (where that goes for both, with
    `train.linear_start`, the heads begin as a regression); so are, with `train.cached_blocks`, the
    frozen blocks of one of which the last learn, and what a teacher says. With `train.head_epochs`, pretrained towers
    first stand still for so many epochs.

    Args:
        model: From `build_model`.
        train: Products to learn from.
        val: Products to watch retrieval on; may be empty.
        config: The same that built the model.
        callbacks: More callbacks; progress bars, logs.
        checkpoints: Folder that keeps the state after each epoch (see `Checkpoint`); none: nothing is kept.
        resume: Go on from what `checkpoints` holds. The weights in the end are those of a run that never stopped.
        teacher: A trained model, of any size, whose scores of pairs this one learns to imitate (see `imitation_loss`);
            `train.teacher_weight` and `train.teacher_temperature` say how.

    Returns:
        Loss, `val_recall@10` and `val_mrr` of each epoch.

    Raises:
        TrainingError: If the loss is not a number any more, or all vectors have become alike.
        CheckpointError: If `checkpoints` holds the state of another run.
        ConfigError: If the configuration names a teacher and none is given.
    """
    options = config.train
    if options.teacher and teacher is None:
        raise ConfigError(
            f"train.teacher names {options.teacher!r}: load it, fit(…, teacher=load_bundle({options.teacher!r})"
            ".load_model()), or leave train.teacher empty."
        )
    # What stands still in the heads' epochs and after them is computed once for both.
    keeping = kept_features(config) if options.head_epochs or options.cached_blocks else nullcontext(config)
    with told_of_lost_workers(config), keeping as kept:
        model.halves = _halves(model) if options.cached_blocks else {}
        there = resume and checkpoints and (Path(checkpoints) / FILE).is_file()
        begun = bool(from_chief(b"begun" if there else b""))
        if options.head_epochs and not begun:
            with pretrained_towers_at_rest(model, config):
                _learn(model, train, val, of_the_heads(kept), begun=False, teacher=teacher)
            begun = True
        return _learn(
            model,
            train,
            val,
            kept,
            begun=begun,
            callbacks=callbacks,
            checkpoints=checkpoints,
            resume=resume,
            teacher=teacher,
        )


def _learn(
    model: ProductModel,
    train: Catalog,
    val: Catalog,
    config: Config,
    *,
    begun: bool,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoints: str | Path | None = None,
    resume: bool = False,
    teacher: ProductModel | None = None,
) -> dict[str, list[float]]:
    """The epochs of a configuration, by what is trainable now; what has begun to learn begins as nothing else."""
    options = config.train
    trained, frozen = parameter_counts(model)
    logger.info("%s parameters learn, %s are frozen", f"{trained:,}", f"{frozen:,}")
    features = _features(model, train, config)
    # A run that goes on begins so, too, where a share of the beginning is kept; the checkpoint has its weights.
    again = resume and options.start_share and not options.head_epochs
    begins = options.linear_start and (not begun or again)
    mixed = _regressed(model, train, features, config) if begins else None
    features |= _taught(model, teacher, train, config, folder=options.feature_cache or checkpoints or "")
    monitor = RetrievalMonitor(
        val, patience=options.patience, batch_size=options.batch_size, feature_cache=options.feature_cache
    )
    model.chunk_size = options.chunk_size if options.batch_size <= len(train) else 0
    steps = Order(len(train), options.batch_size, training=True).steps
    _compile(model, config, steps=steps * options.epochs)
    watchers = [LossGuard(), monitor, CollapseGuard(monitor)]
    first, over, checkpoint = 0, False, None
    if checkpoints:
        key = _key(config, train, val)
        checkpoint = Checkpoint(Path(checkpoints), key=key, monitor=monitor, writes=is_chief(config))
        watchers.append(checkpoint)
        first, over = checkpoint.restore(model) if resume else (0, False)
    if over or first >= options.epochs:
        model.optimizer.finalize_variable_values(model.trainable_variables)
        monitor.put_back(model)
        if mixed:
            mixed.mix(model)
        return checkpoint.earlier
    miner = _miner(train, config, features)
    if mixed:
        watchers.append(mixed)
    if miner:
        watchers.append(miner)
        miner.prepare(model, first)
    logs = log_callbacks(config, monitor, resume=first > 0) if is_chief(config) else []
    try:
        history = model.fit(
            _batches(model, train, config, start_step=first * steps, features=features, miner=miner),
            initial_epoch=first,
            epochs=options.epochs,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[*watchers, *logs, *callbacks],
        )
    finally:
        if miner:
            miner.close()
    return checkpoint.earlier if checkpoint else _floats(history.history)


def _features(model: ProductModel, train: Catalog, config: Config) -> dict[str, np.ndarray]:
    """What of the towers stands still, over the training products."""
    options = config.train
    return frozen_features(
        model,
        train,
        views=options.cached_views if options.augment else 1,
        text_views=options.cached_text_views if options.augment else 1,
        augment=options.augment,
        typed=options.typed,
        batch_size=options.batch_size,
        seed=config.seed,
        folder=options.feature_cache,
    )


def _regressed(
    model: ProductModel, train: Catalog, features: Mapping[str, np.ndarray], config: Config
) -> StartMixed | None:
    """Lets heads begin as a regression, where they can, and tells what mixes that into their weights in the end."""
    if not begin_as_regression(model, train, features):
        return None
    share_weights(model)  # machines may turn the axes of a regression differently
    # Towers from scratch, which have others beside them, began with nothing that is worth a share.
    share = 0.0 if model.beside else config.train.start_share
    return StartMixed(model, share) if share else None


def _halves(model: ProductModel) -> dict[str, Halves]:
    """The towers that can be cut below what learns of them."""
    return {name: halves for name, attribute in TOWERS.items() if (halves := cut(getattr(model, attribute)))}


def _miner(train: Catalog, config: Config, features: Mapping[str, np.ndarray]) -> HardNegatives | None:
    options = config.train
    if not options.hard_negatives:
        return None
    return HardNegatives(
        train,
        share=options.hard_negatives,
        epochs=options.epochs,
        run=options.same_kind,
        batch_size=options.batch_size,
        features=features,
        seed=config.seed,
    )


def _taught(
    model: ProductModel, teacher: ProductModel | None, train: Catalog, config: Config, *, folder: str | Path
) -> dict[str, np.ndarray]:
    """Holds a model to its teacher, and computes what that one says of the products; `{}` where there is none."""
    model.imitation = None
    if teacher is None or not len(train):
        return {}
    options = config.train
    scale = teacher.head.parameters()["temperature"]
    model.imitation = Imitation(options.teacher_weight, options.teacher_temperature, scale)
    return teacher_vectors(teacher, train, batch_size=options.batch_size, folder=folder)


def _batches(
    model: ProductModel,
    train: Catalog,
    config: Config,
    *,
    start_step: int,
    features: Mapping[str, np.ndarray],
    miner: HardNegatives | None,
) -> tf.data.Dataset:
    """All batches from a step on, of all epochs."""
    options = config.train
    return make_dataset(
        train,
        model.preprocessor,
        batch_size=options.batch_size,
        training=True,
        augment=options.augment,
        swap_fields=options.swap_fields,
        typed=options.typed,
        rand_augment_ops=options.rand_augment,
        same_kind=options.same_kind,
        bucket=options.bucket,
        cache=options.image_cache or True,
        seed=config.seed,
        epochs=options.epochs,
        start_step=start_step,
        features=features,
        near=miner.keys if miner else None,
        sampling_correction=options.sampling_correction,
        weight_by=options.weight_by,
    )


def _compile(model: ProductModel, config: Config, *, steps: int) -> None:
    optimizer = build_optimizer(config.optimizer, steps=steps)
    for tower, section in ((model.text_encoder, config.text), (model.image_encoder, config.image)):
        scale_learning_rate(optimizer, tower.backbone.trainable_variables, section.learning_rate_factor)
    on_jax = keras.backend.backend() == "jax"
    if on_jax and model.image_encoder.has_tokens:
        # In training cuDNN's kernels take no odd number of tokens, and patches with a class token are one: 197.
        keras.config.disable_flash_attention()
    # With TensorFlow XLA slows these towers down on a CPU (69 against 40 examples a second for ResNet-18).
    model.compile(optimizer=optimizer, loss=build_loss(config.train), jit_compile=on_jax)
    model.optimizer.build(model.trainable_variables)  # else Keras traces the step twice


def _key(config: Config, *parts: Catalog) -> str:
    """All that a run depends on, in one hash; not where it keeps and tells things."""
    config = replace(config, train=replace(config.train, feature_cache="", image_cache="", log_dir="", wandb=""))
    about = json.dumps([config_to_dict(config), *(part.fingerprint() for part in parts)], sort_keys=True)
    return hashlib.sha256(about.encode()).hexdigest()


def _floats(history: dict[str, list[Any]]) -> dict[str, list[float]]:
    return {name: [float(value) for value in values] for name, values in history.items()}
