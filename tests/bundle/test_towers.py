"""Encoders that run in TensorFlow Serving: a stand-in, which runs the same SavedModel, is asked over the wire."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from product_matching.bundle import RemoteEncoders, load_bundle
from product_matching.errors import ConfigError, DataError, TowersError
from product_matching.search import SearchEngine

pytestmark = pytest.mark.slow


def predict(module, signature, columns):
    tensors = {name: tf.constant(values, tf.string) for name, values in columns.items()}
    return module.signatures[signature](**tensors)["embedding"].numpy()


@pytest.fixture(scope="module")
def module(tiny_bundle):
    return load_bundle(tiny_bundle).encoders._module


@pytest.fixture(scope="module")
def rest(module):
    """Address of a server of the REST interface, columnar form; `busy` counts down answers of 503."""

    class Handler(BaseHTTPRequestHandler):
        busy, paths = 0, []

        def do_POST(self):
            type(self).paths.append(self.path)
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if type(self).busy:
                type(self).busy -= 1
                return self.tell(503, {"error": "Servable not found"})
            columns = {
                name: [base64.b64decode(value["b64"]) if isinstance(value, dict) else value for value in values]
                for name, values in asked["inputs"].items()
            }
            try:
                return self.tell(200, {"outputs": predict(module, asked["signature_name"], columns).tolist()})
            except tf.errors.InvalidArgumentError as error:
                return self.tell(400, {"error": error.message})

        def tell(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/models/shop", Handler
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def grpc_address(module):
    grpc = pytest.importorskip("grpc")
    messages = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    service = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")

    class Servicer(service.PredictionServiceServicer):
        def Predict(self, request, context):
            columns = {name: tf.make_ndarray(tensor).tolist() for name, tensor in request.inputs.items()}
            answer = messages.PredictResponse()
            try:
                found = predict(module, request.model_spec.signature_name, columns)
            except tf.errors.InvalidArgumentError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
            answer.outputs["embedding"].CopyFrom(tf.make_tensor_proto(found))
            return answer

    server = grpc.server(ThreadPoolExecutor(2))
    service.add_PredictionServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"grpc://127.0.0.1:{port}/shop"
    server.stop(None)


@pytest.fixture(params=["rest", "grpc"])
def address(request):
    return request.getfixturevalue("rest")[0] if request.param == "rest" else request.getfixturevalue("grpc_address")


def test_vectors_are_those_of_the_bundle(address, tiny_bundle, tiny_catalog):
    here, there = load_bundle(tiny_bundle).encoders, RemoteEncoders(address, version="1", batch_size=3)
    texts = ["red striped mug", "红色条纹马克杯", "", "bag"]
    images = [Path(path).read_bytes() for path in tiny_catalog.image_paths()[:4] if path]
    np.testing.assert_allclose(there.embed_text(texts), here.embed_text(texts), atol=1e-6)
    np.testing.assert_allclose(there.embed_image(images), here.embed_image(images), atol=1e-6)
    columns = ([*images[:1], b""], ["mug", "bag"], ["", "of leather"], ["red|large", ""])
    np.testing.assert_allclose(there.embed_product(*columns), here.embed_product(*columns), atol=1e-6)


def test_what_is_no_picture_is_the_senders_fault(address):
    with pytest.raises(DataError, match="cannot be decoded"):
        RemoteEncoders(address).embed_image([b"no picture"])


def test_a_search_asks_for_the_version_of_its_index(rest, tiny_bundle):
    found = SearchEngine.load(tiny_bundle, towers=rest[0]).search("red mug", k=3)
    assert [one.product_id for one in found] == [
        one.product_id for one in SearchEngine.load(tiny_bundle).search("red mug", k=3)
    ]
    assert rest[1].paths[-1] == "/v1/models/shop/versions/1:predict"


def test_a_server_that_starts_is_asked_again(rest):
    rest[1].busy = 1
    assert RemoteEncoders(rest[0]).embed_text(["mug"]).shape[0] == 1
    rest[1].busy = 9
    with pytest.raises(TowersError, match="Servable not found"):
        RemoteEncoders(rest[0]).embed_text(["mug"])
    rest[1].busy = 0


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/v1/models/shop", "grpc://127.0.0.1:9/shop"])
def test_nobody_there_is_said_with_the_address(address):
    if address.startswith("grpc"):
        pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    with pytest.raises(TowersError, match=r"127\.0\.0\.1:9.* does not answer"):
        RemoteEncoders(address, timeout=0.5).embed_text(["mug"])


@pytest.mark.parametrize("address", ["localhost:8501", "http://host/shop", "grpc://host", "ftp://host/v1/models/shop"])
def test_an_address_has_one_of_two_forms(address):
    with pytest.raises(ConfigError, match="http://HOST:8501"):
        RemoteEncoders(address)
