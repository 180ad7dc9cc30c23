"""Towers that `convert_towers` wrote, run in their own runtime, and how well they stand in for the model's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from product_matching._optional import require
from product_matching._types import FloatArray, Tensor
from product_matching.dataset import Catalog, make_dataset
from product_matching.deploy.compressing import median_ms
from product_matching.deploy.towers import ENDINGS
from product_matching.eval import embed_catalog, evaluate
from product_matching.model import ProductModel

TEXT_INPUTS = ("token_ids", "segment_ids", "padding_mask")


class ConvertedTower:
    """One of the files of `convert_towers`, in its runtime.

    Args:
        file: `image.onnx`, `text.tflite` and so on.

    Raises:
        MissingExtraError: For ONNX without the extra `onnx`.
    """

    def __init__(self, file: Path) -> None:
        self._lengths: dict[str, int] = {}
        if file.suffix == ENDINGS["onnx"]:
            session = require("onnxruntime", "onnx").InferenceSession(str(file))
            self._run = lambda inputs: session.run(["embedding"], dict(inputs))[0]
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the interpreter's move to a package of its own
            interpreter = tf.lite.Interpreter(model_path=str(file))
        runner = interpreter.get_signature_runner()
        shapes = {name: given["shape_signature"] for name, given in runner.get_input_details().items()}
        self._lengths = {name: int(shape[1]) for name, shape in shapes.items() if len(shape) == 2}
        self._run = lambda inputs: runner(**inputs)["embedding"]

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> FloatArray:
        """Vectors, float32 [B, D], from the tower's inputs as `convert_towers` names them.

        Texts that are shorter than LiteRT wants are filled up.
        """
        return self._run({name: self._filled(name, np.asarray(given)) for name, given in inputs.items()})

    def _filled(self, name: str, rows: np.ndarray) -> np.ndarray:
        missing = self._lengths.get(name, 0) - rows.shape[1]
        return np.pad(rows, ((0, 0), (0, missing))) if missing > 0 else rows


def standing_of_towers(
    model: ProductModel, files: Mapping[str, Path], products: Catalog, *, queries: int = 100
) -> dict[str, float]:
    """How fast converted towers answer, and how well.

    Args:
        model: That they were made of, which prepares their inputs.
        files: As of `convert_towers`.
        products: Held-out products.
        queries: Titles and pictures that are embedded one at a time.

    Returns:
        `text_ms`, `image_ms`, `recall@10` and `accuracy` as of `standing`, with the preprocessing of the model in their
        times; `cosine`, the smallest between the vector of a text or a picture and that of the model.
    """
    towers = {name: ConvertedTower(file) for name, file in files.items()}
    expected = embed_catalog(model, products)
    views = expected | _views(model, towers, products)
    metrics = evaluate(model, products, views=views)
    # Of what a product does not have the model's vector is 0.
    there = {name: np.abs(expected[name]).sum(axis=1) > 0 for name in towers}
    cosines = [(views[name] * expected[name]).sum(axis=1)[there[name]] for name in towers]
    read = _readers(model)
    titles = [title for title in products.table["title"].tolist() if title][:queries]
    pictures = [Path(path).read_bytes() for path in products.image_paths() if path][:queries]
    return {
        "text_ms": median_ms(lambda title: towers["text"](_arrays(read["text"](tf.constant([title])))), titles),
        "image_ms": median_ms(lambda data: towers["image"](_arrays(read["image"](tf.constant([data])))), pictures),
        "recall@10": metrics["text_to_image"]["recall@10"],
        "accuracy": metrics["accuracy"],
        "cosine": float(np.concatenate(cosines).min(initial=1.0)),
    }


def _views(model: ProductModel, towers: Mapping[str, ConvertedTower], products: Catalog) -> dict[str, FloatArray]:
    """The vectors of pictures alone and of texts alone, zeros where there is none: float32 [N, D] each."""
    rows: dict[str, list[FloatArray]] = {name: [] for name in towers}
    for inputs, _ in make_dataset(products, model.preprocessor, batch_size=32, cache=False):
        given = {"image": {"pixels": inputs["image"]}, "text": {name: inputs[name] for name in TEXT_INPUTS}}
        for name, tower in towers.items():
            there = inputs[f"has_{name}"].numpy()[:, None]
            rows[name].append(tower(_arrays(given[name])) * there)
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def _readers(model: ProductModel) -> dict[str, Any]:
    """The preprocessing of one title and of the bytes of one picture, as graphs."""
    words = [tf.TensorSpec([None], tf.string)]

    @tf.function(input_signature=words)
    def text(titles: Tensor) -> dict[str, Tensor]:
        tokens = model.preprocessor.text(titles, tf.zeros_like(titles))
        return {name: tokens[name] for name in TEXT_INPUTS}

    @tf.function(input_signature=words)
    def image(contents: Tensor) -> dict[str, Tensor]:
        return {"pixels": model.preprocessor.decode_batch(contents)}

    return {"text": text, "image": image}


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(value) for name, value in tensors.items()}
    # Batches carry pixels as the training graph wants them.
    return {name: value.astype(np.uint8) if name == "pixels" else value for name, value in arrays.items()}
