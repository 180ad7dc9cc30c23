"""Watches what a shop cares for while a model trains: whether a text finds its picture."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from product_matching.dataset import Catalog, make_dataset
from product_matching.metrics import retrieval_metrics
from product_matching.optimizer import averaged_weights
from product_matching.train.features import frozen_features


class RetrievalMonitor(keras.callbacks.Callback):
    """After each epoch, adds `val_recall@10` and `val_mrr` (text to image, among validation products) to the logs.

    With `patience`, training stops when recall@10 has not risen for so many epochs, and the weights of the best one are
    put back. The loss is no guide here: it goes on falling while a small catalogue is learned by heart.

    Args:
        catalog: Validation products; only those with image and text are asked about.
        patience: Epochs to wait; 0: never stop, keep the last weights.
        batch_size: Products a forward pass.
        feature_cache: Folder that keeps what frozen towers give; see `frozen_features`.
    """

    def __init__(self, catalog: Catalog, *, patience: int = 0, batch_size: int = 128, feature_cache: str = "") -> None:
        super().__init__()
        self.catalog = catalog.take(catalog.with_image_and_text())
        self.groups = self.catalog.groups()
        self.patience = patience
        self.batch_size = batch_size
        self.feature_cache = feature_cache
        self.views: dict[str, np.ndarray] = {}
        self._forget()

    def _forget(self) -> None:
        self.best, self.best_epoch, self.best_weights = -1.0, 0, None
        self._resumed = False

    def resume(self, best: float, best_epoch: int, best_weights: list[np.ndarray] | None) -> None:
        """The next `fit` goes on from what an earlier run had seen."""
        self.best, self.best_epoch, self.best_weights = best, best_epoch, best_weights
        self._resumed = True

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self._resumed:
            self._forget()
        self._resumed = False
        if len(self.catalog):
            features = frozen_features(self.model, self.catalog, batch_size=self.batch_size, folder=self.feature_cache)
            self.batches = make_dataset(
                self.catalog, self.model.preprocessor, batch_size=self.batch_size, features=features
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not len(self.catalog):
            return
        with averaged_weights(self.model):
            self.views = views = self.model.predict(self.batches, verbose=0)
            found = retrieval_metrics(
                views["text"], views["image"], query_groups=self.groups, gallery_groups=self.groups
            )
            if self.patience:
                self._keep_or_stop(epoch, found["recall@10"])
        if logs is not None:
            logs |= {"val_recall@10": found["recall@10"], "val_mrr": found["mrr"]}

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.put_back(self.model)

    def put_back(self, model: keras.Model) -> None:
        """Gives a model the weights of the best epoch, if they were kept."""
        if self.best_weights is not None:
            model.set_weights(self.best_weights)

    def _keep_or_stop(self, epoch: int, recall: float) -> None:
        if recall > self.best:
            self.best, self.best_epoch = recall, epoch
            self.best_weights = [np.copy(weight) for weight in self.model.get_weights()]
        elif epoch - self.best_epoch >= self.patience:
            self.model.stop_training = True
