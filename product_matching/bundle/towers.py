"""The exported encoders where they run elsewhere: TensorFlow Serving, by REST or gRPC."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
import urllib3

from product_matching._optional import require
from product_matching._types import FloatArray
from product_matching.bundle.encoders import SignatureEncoders
from product_matching.errors import ConfigError, DataError, TowersError

FORMS = "http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME"
TRIES = 3


class Transport(Protocol):
    """Asks a signature about a batch: columns of B strings or bytes to float32 [B, D]."""

    def __call__(self, signature: str, inputs: Mapping[str, Sequence[Any]]) -> FloatArray: ...


class RemoteEncoders(SignatureEncoders):
    """Those of a SavedModel that TensorFlow Serving runs.

    Args:
        address: `http://HOST:8501/v1/models/NAME`, or `grpc://HOST:8500/NAME` (extra `tfserving`).
        version: Of the model; the number of the bundle's folder, so that vectors and index belong together. Empty:
            the newest that is served.
        batch_size: Products or queries of one request.
        timeout: Seconds for one try of three.

    Raises:
        ConfigError: If the address has none of these forms.
        MissingExtraError: If gRPC is asked for and the extra is not installed.
    """

    def __init__(self, address: str, *, version: str = "", batch_size: int = 128, timeout: float = 10.0) -> None:
        super().__init__(batch_size=batch_size)
        self.address = address
        self._transport: Transport = _transport(address, version, timeout)

    def _ask(self, signature: str, batch: Mapping[str, list[Any]]) -> FloatArray:
        """Raises `TowersError` if there is no answer, `DataError` if an image cannot be decoded."""
        return self._transport(signature, batch)


def _transport(address: str, version: str, timeout: float) -> Transport:
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and parts.netloc and parts.path.startswith("/v1/models/"):
        return _Rest(address.rstrip("/"), version, timeout)
    if parts.scheme == "grpc" and parts.netloc and parts.path.strip("/"):
        return _Grpc(parts.netloc, parts.path.strip("/"), version, timeout)
    raise ConfigError(f"The address of TensorFlow Serving is {FORMS}; got {address!r}.")


class _Rest:
    def __init__(self, address: str, version: str, timeout: float) -> None:
        self._address = address
        self._url = f"{address}/versions/{version}:predict" if version else f"{address}:predict"
        again = urllib3.Retry(
            TRIES - 1, backoff_factor=0.1, status_forcelist=(502, 503, 504), allowed_methods=None, raise_on_status=False
        )
        self._pool = urllib3.PoolManager(retries=again, timeout=timeout, maxsize=8)

    def __call__(self, signature: str, inputs: Mapping[str, Sequence[Any]]) -> FloatArray:
        columns = {name: [_as_json(value) for value in values] for name, values in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns})
        try:
            answer = self._pool.request("POST", self._url, body=body, headers={"Content-Type": "application/json"})
        except urllib3.exceptions.HTTPError as error:
            raise _away(self._address, str(error)) from error
        try:
            found = json.loads(answer.data)
        except ValueError as error:
            raise _away(self._address, f"status {answer.status}, no JSON") from error
        if answer.status == 200 and "outputs" in found:
            return np.asarray(found["outputs"], np.float32)
        raise _refused(self._address, str(found.get("error", f"status {answer.status}")))


class _Grpc:
    def __init__(self, place: str, name: str, version: str, timeout: float) -> None:
        self._grpc = require("grpc", "tfserving")
        self._messages = require("tensorflow_serving.apis.predict_pb2", "tfserving")
        service = require("tensorflow_serving.apis.prediction_service_pb2_grpc", "tfserving")
        self._address, self._name, self._version, self._timeout = place, name, version, timeout
        # Pictures are larger than the four megabytes that gRPC allows by default.
        unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self._stub = service.PredictionServiceStub(self._grpc.insecure_channel(place, options=unlimited))

    def __call__(self, signature: str, inputs: Mapping[str, Sequence[Any]]) -> FloatArray:
        import tensorflow as tf

        request = self._messages.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = self._name, signature
        if self._version:
            request.model_spec.version.value = int(self._version)
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values, dtype=tf.string, shape=[len(values)]))
        unavailable = self._grpc.StatusCode.UNAVAILABLE
        for attempt in range(TRIES):
            try:
                answer = self._stub.Predict(request, self._timeout, wait_for_ready=attempt > 0)
                return tf.make_ndarray(answer.outputs["embedding"])
            except self._grpc.RpcError as error:
                if error.code() == unavailable and attempt + 1 < TRIES:
                    continue
                if error.code() == self._grpc.StatusCode.INVALID_ARGUMENT:
                    raise _refused(self._address, error.details()) from error
                raise _away(self._address, f"{error.code().name}, {error.details()}") from error
        raise AssertionError("the last attempt returns or raises")


def _as_json(value: str | bytes) -> Any:
    return {"b64": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else value


def _refused(address: str, reason: str) -> DataError | TowersError:
    """An image that cannot be decoded is the sender's fault, anything else that of the set-up."""
    first = reason.splitlines()[0][:200] if reason else ""
    if any(word in reason.lower() for word in ("image", "jpeg", "png", "decode")):
        return DataError(f"An image cannot be decoded: {first}")
    return _away(address, first)


def _away(address: str, reason: str) -> TowersError:
    return TowersError(
        f"TensorFlow Serving at {address} does not answer: {reason[:300]}. It must serve this bundle's folder: "
        "tensorflow_model_server --model_base_path=FOLDER OF THE VERSIONS."
    )
