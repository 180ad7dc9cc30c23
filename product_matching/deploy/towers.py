"""The two towers for runtimes without TensorFlow: from pixels and from token ids to vectors, as ONNX or LiteRT."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import tensorflow as tf

from product_matching._optional import require
from product_matching._types import Tensor
from product_matching.errors import ConfigError, unknown_name
from product_matching.model import ProductModel, merge_lora

TowerFormat = Literal["onnx", "litert"]
ENDINGS = {"onnx": ".onnx", "litert": ".tflite"}
OPSET = 18
"""Of ONNX; onnxruntime 1.14 and later run it."""


def convert_towers(
    model: ProductModel, folder: str | Path, to: TowerFormat = "onnx", *, dynamic: bool = False
) -> dict[str, Path]:
    """Writes the image tower and the text tower, each with projection and fusion, as files of another runtime.

    `image`: `pixels` uint8 [B, size, size, 3], RGB, as `preprocessor.decode` gives them. `text`: `token_ids` and
    `segment_ids` int32 [B, L] and `padding_mask` bool [B, L], as `preprocessor.text` gives them; for LiteRT, which
    cannot do without a fixed length, filled up with zeros to `preprocessor.text.max_tokens`. Either gives
    `embedding` float32 [B, D], of length 1, in the space of the bundle: what `embed_image` and `embed_text` of the
    SavedModel give. Decoding and tokenising stay with the caller. The names are those of the ONNX inputs and outputs,
    and of the one signature of a LiteRT file (`Interpreter(…).get_signature_runner()`). `ConvertedTower` runs either.

    Args:
        model: A trained model; low-rank updates are merged into its weights first, for good.
        folder: Where the files go; made where it is missing.
        to: `"onnx"` or `"litert"`.
        dynamic: Keep weights as int8 and multiply in int8 too, with a scale for the activations of each call that is
            found as it runs: "dynamic range" quantisation, which needs no calibration data. Vectors change a little.

    Returns:
        The files, by `"image"` and `"text"`.

    Raises:
        ConfigError: If the format is unknown, or the model has towers side by side.
        MissingExtraError: For ONNX without the extra `onnx`.
    """
    if to not in get_args(TowerFormat):
        raise ConfigError(unknown_name("format of towers", to, get_args(TowerFormat)))
    if model.beside:
        raise ConfigError(
            f"A file takes one picture or one row of tokens; this model reads each {' and each '.join(model.beside)} "
            "twice, as a pretrained tower stands beside its own. Run its SavedModel (`serve`, TensorFlow Serving; "
            "`compress` makes it smaller), or train a model to convert without text.beside and image.beside; "
            "train.teacher lets it learn from this one."
        )
    write = {"onnx": _onnx, "litert": _litert}[to]
    merge_lora(model)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    length = model.preprocessor.text.max_tokens if to == "litert" else None
    for name, tower in _towers(model, length).items():
        files[name] = folder / f"{name}{ENDINGS[to]}"
        write(tower, [weight.value for weight in model.weights], files[name], dynamic)
    return files


def _towers(model: ProductModel, length: int | None) -> dict[str, Callable]:
    size = model.preprocessor.image_size
    ids = {name: tf.TensorSpec([None, length], tf.int32, name=name) for name in ("token_ids", "segment_ids")}
    mask = tf.TensorSpec([None, length], tf.bool, name="padding_mask")
    pixels = tf.TensorSpec([None, size, size, 3], tf.uint8, name="pixels")

    @tf.function(input_signature=[pixels], autograph=False)
    def image(pixels: Tensor) -> dict[str, Tensor]:
        vector = model.image_vector(pixels)
        return {"embedding": model.embed_one("image", vector, tf.ones(tf.shape(pixels)[:1], tf.bool))}

    @tf.function(input_signature=[*ids.values(), mask], autograph=False)
    def text(token_ids: Tensor, segment_ids: Tensor, padding_mask: Tensor) -> dict[str, Tensor]:
        tokens = {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": padding_mask}
        vector = model.text_vector(tokens)
        return {"embedding": model.embed_one("text", vector, tf.ones(tf.shape(token_ids)[:1], tf.bool))}

    return {"image": image, "text": text}


def _onnx(tower: Callable, weights: list[tf.Variable], path: Path, dynamic: bool) -> None:
    convert = require("tf2onnx.convert", "onnx")
    with _quiet():
        convert.from_function(
            tower,
            input_signature=tower.input_signature,
            opset=OPSET,
            custom_op_handlers={"Erfc": (_erfc, [])},
            output_path=str(path),
        )
        if dynamic:
            # Convolutions with scales found as they run are slower than those in float32, here: products alone.
            quantize = require("onnxruntime.quantization", "onnx").quantize_dynamic
            quantize(str(path), str(path), op_types_to_quantize=["MatMul", "Gemm", "Gather"], per_channel=True)


def _erfc(graph: Any, node: Any, name: str, arguments: list) -> None:
    """erfc(x) = 1 - erf(x), of which ONNX has the latter alone: GELU asks for it."""
    given, outputs, shapes, types = node.input[0], node.output, node.output_shapes, node.output_dtypes
    graph.remove_node(name)
    one = graph.make_const(f"{name}/one", np.array(1, np.float32)).output[0]
    erf = graph.make_node("Erf", [given], shapes=shapes, dtypes=types).output[0]
    graph.make_node("Sub", [one, erf], outputs=outputs, shapes=shapes, dtypes=types)


def _litert(tower: Callable, weights: list[tf.Variable], path: Path, dynamic: bool) -> None:
    module = tf.Module()  # keeps the variables alive, as the converter wants
    module.weights = weights
    converter = tf.lite.TFLiteConverter.from_concrete_functions([tower.get_concrete_function()], module)
    if dynamic:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with _quiet():
        path.write_bytes(converter.convert())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Converters tell their whole way on standard output."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
