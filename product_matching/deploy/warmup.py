"""Requests that TF Serving asks itself before it says that it is ready, so that no shopper waits for the first one.

TF Serving reads `PredictionLog` messages from `assets.extra/tf_serving_warmup_requests` and runs each once: kernels,
memory and threads are then set up. The messages are TF Serving's own (`tensorflow_serving/apis/prediction_log.proto`,
`predict.proto`, `model.proto`); the package that has them is not needed for the few fields that count here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
TEXTS = {"title": "Red striped mug", "description": "红色条纹马克杯, 0.3 l, dishwasher safe.", "tags": "red|mug"}


def write_warmup(folder: Path, *, dim: int, image_size: int) -> None:
    """Writes a request of one product for each signature.

    Args:
        folder: Of the SavedModel.
        dim: Width of its vectors.
        image_size: Height and width of its pixels.
    """
    path = folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in warmup_inputs(dim, image_size).items():
            writer.write(prediction_log(signature, inputs))


def warmup_inputs(dim: int, image_size: int) -> dict[str, dict[str, np.ndarray]]:
    """Inputs of one product for each signature: a photo larger than the model's pixels, words in two languages."""
    shades = np.linspace(0, 255, 4 * image_size).astype(np.uint8)
    pixels = np.stack(np.broadcast_arrays(shades[:, None], shades[None, :], shades[::-1, None]), axis=-1)
    image = np.array([tf.io.encode_jpeg(pixels).numpy()], object)
    words = {name: np.array([text.encode()], object) for name, text in TEXTS.items()}
    vector = np.full((1, dim), dim**-0.5, np.float32)
    return {
        "serving_default": {"image": image, **words},
        "embed_product": {"image": image, **words},
        "embed_text": {"text": words["title"]},
        "embed_image": {"image": image},
        "match": {"left": vector, "right": vector},
    }


def prediction_log(signature: str, inputs: Mapping[str, Any]) -> bytes:
    """An encoded `PredictionLog` of a request.

    Args:
        signature: Which signature is asked. The model is not named: the folder may be served under any name.
        inputs: By name, bytes [B] or float32 [B, D].
    """
    model_spec = _field(3, signature.encode())  # ModelSpec.signature_name
    request = _field(1, model_spec)  # PredictRequest.model_spec
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))  # an entry of the map PredictRequest.inputs
    return _field(6, _field(1, request))  # PredictionLog.predict_log, PredictLog.request


def _field(number: int, content: bytes) -> bytes:
    """A field of the protocol-buffer encoding that holds bytes: its number and kind 2, the length, the bytes."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _varint(value >> 7)
