"""What a training leaves to look at: a table of epochs, TensorBoard, Weights & Biases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from product_matching._optional import require
from product_matching.config import Config, config_to_dict
from product_matching.train.retrieval_monitor import RetrievalMonitor

QUERIES, RESULTS = 8, 5
MOST_POINTS = 2000
"""Products in the projector, whose sprite of all their pictures a browser still holds."""


def log_callbacks(config: Config, monitor: RetrievalMonitor, *, resume: bool = False) -> list[keras.callbacks.Callback]:
    """The callbacks that `train.log_dir` and `train.wandb` ask for; they stand after the monitor.

    `log_dir` takes `epochs.csv` and what `tensorboard --logdir` shows: loss, metrics and learning rate of each epoch, a
    page of queries with the pictures that are found for them, and the validation products in the projector.

    Args:
        config: Of the run.
        monitor: Embeds the validation products after each epoch.
        resume: The run goes on; what an earlier part of it has written stays.

    Raises:
        MissingExtraError: If `train.wandb` is set and wandb is not installed.
    """
    callbacks: list[keras.callbacks.Callback] = []
    if config.train.log_dir:
        folder = Path(config.train.log_dir)
        folder.mkdir(parents=True, exist_ok=True)
        callbacks += [
            keras.callbacks.CSVLogger(str(folder / "epochs.csv"), append=resume),
            keras.callbacks.TensorBoard(str(folder), write_graph=False),
            RetrievedPages(folder, monitor),
        ]
    if config.train.wandb:
        callbacks.append(_wandb(config))
    return callbacks


class RetrievedPages(keras.callbacks.Callback):
    """Writes, for TensorBoard, what some validation texts find after each epoch, and all products into the projector.

    Args:
        folder: Of the logs.
        monitor: Stands before this callback.
    """

    def __init__(self, folder: Path, monitor: RetrievalMonitor) -> None:
        super().__init__()
        self.folder = folder
        self.monitor = monitor

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        views, catalog = self.monitor.views, self.monitor.catalog
        if not len(catalog):
            return
        rows = _spread(len(catalog), QUERIES)
        found = np.argsort(-views["text"][rows] @ views["image"].T, axis=1, kind="stable")[:, :RESULTS]
        texts = list(catalog.texts())
        right = self.monitor.groups[found] == self.monitor.groups[rows][:, None]
        lines = [
            f"| {number} | {_one_line(texts[row])} | {', '.join(np.where(hits, 'right', 'wrong'))} |"
            for number, (row, hits) in enumerate(zip(rows, right, strict=True), 1)
        ]
        writer = tf.summary.create_file_writer(str(self.folder / "retrieved"))
        with writer.as_default(step=epoch):
            tf.summary.image("the wanted picture, then those found", self._page(rows, found)[None])
            tf.summary.text("queries", "\n".join(["| row | text | results |", "|---|---|---|", *lines]))
        writer.close()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if len(self.monitor.catalog) and self.monitor.views:
            self._write_projector()

    def _page(self, rows: np.ndarray, found: np.ndarray) -> np.ndarray:
        """A row of pictures a query: uint8 [rows * size, (1 + RESULTS) * size, 3]."""
        wanted = np.column_stack([rows, found])
        pictures = self._pictures(wanted.ravel())
        size, (lines, across) = pictures.shape[1], wanted.shape
        return pictures.reshape(lines, across, size, size, 3).swapaxes(1, 2).reshape(lines * size, across * size, 3)

    def _pictures(self, rows: np.ndarray) -> np.ndarray:
        """As the model sees them: uint8 [n, size, size, 3]."""
        paths = self.monitor.catalog.image_paths()
        decode = self.model.preprocessor.decode
        return np.stack([np.asarray(decode(tf.io.read_file(paths[row]))) for row in rows])

    def _write_projector(self) -> None:
        """`tensorboard` reads the configuration, the vectors, their names and one image of all pictures."""
        catalog = self.monitor.catalog
        rows = _spread(len(catalog), MOST_POINTS)
        np.savetxt(self.folder / "vectors.tsv", self.monitor.views["product"][rows], fmt="%.5g", delimiter="\t")
        kinds, texts = catalog.categories().tolist(), list(catalog.texts())
        names = ["kind\ttext", *(f"{_one_line(kinds[row])}\t{_one_line(texts[row])}" for row in rows)]
        (self.folder / "names.tsv").write_text("\n".join(names) + "\n", encoding="utf-8")
        pictures, across = self._pictures(rows), int(np.ceil(np.sqrt(len(rows))))
        size = pictures.shape[1]
        sprite = Image.new("RGB", (across * size, across * size), "white")
        for place, picture in enumerate(pictures):
            sprite.paste(Image.fromarray(picture), (place % across * size, place // across * size))
        sprite.save(self.folder / "sprite.png")
        (self.folder / "projector_config.pbtxt").write_text(
            'embeddings {\n  tensor_name: "products"\n  tensor_path: "vectors.tsv"\n  metadata_path: "names.tsv"\n'
            f'  sprite {{\n    image_path: "sprite.png"\n    single_image_dim: [{size}, {size}]\n  }}\n}}\n',
            encoding="utf-8",
        )


def _spread(count: int, most: int) -> np.ndarray:
    """At most so many of `count` places, from the first to the last: int64."""
    return np.linspace(0, count - 1, min(most, count)).astype(int)


def _one_line(text: str) -> str:
    return " ".join(str(text).replace("|", "/").split())[:120]


def _wandb(config: Config) -> keras.callbacks.Callback:
    wandb = require("wandb", "wandb")
    run = wandb.init(project=config.train.wandb, config=config_to_dict(config), resume="allow")

    class EpochsToWandb(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            run.log({"epoch": epoch + 1, **(logs or {})})

        def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
            run.finish()

    return EpochsToWandb()
