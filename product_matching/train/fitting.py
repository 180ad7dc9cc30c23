"""The fit of a configuration, on plain `model.fit`."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from product_matching.config import Config
from product_matching.dataset import Catalog, make_dataset
from product_matching.losses import SigmoidMatchLoss
from product_matching.model import ProductModel
from product_matching.optimizer import build_optimizer
from product_matching.train.retrieval_monitor import RetrievalMonitor


def fit(
    model: ProductModel,
    train: Catalog,
    val: Catalog,
    config: Config,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Compiles and fits a model.

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
    batches = make_dataset(
        train,
        model.preprocessor,
        batch_size=options.batch_size,
        training=True,
        augment=options.augment,
        same_kind=options.same_kind,
        seed=config.seed,
    )
    steps = max(len(train) // options.batch_size, 1) * options.epochs
    # XLA slows these towers down on a CPU (69 against 40 examples a second for ResNet-18).
    model.compile(optimizer=build_optimizer(config.optimizer, steps=steps), loss=SigmoidMatchLoss(), jit_compile=False)
    model.optimizer.build(model.trainable_variables)  # else Keras traces the step twice
    monitor = RetrievalMonitor(val, patience=options.patience, batch_size=options.batch_size)
    history = model.fit(batches, epochs=options.epochs, shuffle=False, verbose=0, callbacks=[monitor, *callbacks])
    return {name: [float(value) for value in values] for name, values in history.history.items()}
