"""The fit of a configuration, on plain `model.fit`."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import keras

from product_matching.config import Config
from product_matching.dataset import Catalog, make_dataset
from product_matching.losses import SigmoidMatchLoss
from product_matching.model import ProductModel, parameter_counts
from product_matching.optimizer import build_optimizer, scale_learning_rate
from product_matching.train.features import frozen_features
from product_matching.train.retrieval_monitor import RetrievalMonitor

logger = logging.getLogger(__name__)


def fit(
    model: ProductModel,
    train: Catalog,
    val: Catalog,
    config: Config,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Compiles and fits a model.

    A tower of which nothing learns is computed once, before the first epoch.

    Args:
        model: From `build_model`.
        train: Products to learn from.
        val: Products to watch retrieval on; may be empty.
        config: The same that built the model.
        callbacks: More callbacks; progress bars, logs.

    Returns:
        Loss, `val_recall@10` and `val_mrr` of each epoch.
    """
    options = config.train
    trained, frozen = parameter_counts(model)
    logger.info("%s parameters learn, %s are frozen", f"{trained:,}", f"{frozen:,}")
    features = frozen_features(
        model,
        train,
        views=options.cached_views if options.augment else 1,
        augment=options.augment,
        batch_size=options.batch_size,
        seed=config.seed,
        folder=options.feature_cache,
    )
    batches = make_dataset(
        train,
        model.preprocessor,
        batch_size=options.batch_size,
        training=True,
        augment=options.augment,
        swap_fields=options.swap_fields,
        rand_augment_ops=options.rand_augment,
        same_kind=options.same_kind,
        bucket=options.bucket,
        cache=options.image_cache or True,
        seed=config.seed,
        features=features,
    )
    steps = max(len(train) // options.batch_size, 1) * options.epochs
    # XLA slows these towers down on a CPU (69 against 40 examples a second for ResNet-18).
    optimizer = build_optimizer(config.optimizer, steps=steps)
    for tower, section in ((model.text_encoder, config.text), (model.image_encoder, config.image)):
        scale_learning_rate(optimizer, tower.backbone.trainable_variables, section.learning_rate_factor)
    model.compile(optimizer=optimizer, loss=SigmoidMatchLoss(), jit_compile=False)
    model.optimizer.build(model.trainable_variables)  # else Keras traces the step twice
    monitor = RetrievalMonitor(
        val, patience=options.patience, batch_size=options.batch_size, feature_cache=options.feature_cache
    )
    history = model.fit(batches, epochs=options.epochs, shuffle=False, verbose=0, callbacks=[monitor, *callbacks])
    return {name: [float(value) for value in values] for name, values in history.history.items()}
