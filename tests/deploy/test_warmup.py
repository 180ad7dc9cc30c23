"""Warm-up requests, read by a schema of TF Serving's messages and asked of the bundle."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework.tensor_pb2 import TensorProto

from product_matching.bundle import load_bundle
from product_matching.deploy.warmup import FILE, prediction_log

SCHEMA = {
    "ModelSpec": [("name", 1, "string"), ("signature_name", 3, "string")],
    "Entry": [("key", 1, "string"), ("value", 2, "bytes")],  # how a map is encoded
    "PredictRequest": [("model_spec", 1, "ModelSpec"), ("inputs", 2, "repeated Entry")],
    "PredictLog": [("request", 1, "PredictRequest")],
    "PredictionLog": [("predict_log", 6, "PredictLog")],
}
"""The fields of tensorflow_serving/apis/{model,predict,prediction_log}.proto that are used."""


@pytest.fixture(scope="module")
def log_class():
    """The class of `PredictionLog`, made by protobuf from the schema."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="serving.proto", package="serving", syntax="proto3")
    for message, entries in SCHEMA.items():
        added = file.message_type.add(name=message)
        for name, number, kind in entries:
            field = added.field.add(name=name, number=number)
            field.label = kinds.LABEL_REPEATED if kind.startswith("repeated ") else kinds.LABEL_OPTIONAL
            kind = kind.removeprefix("repeated ")
            if kind in SCHEMA:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".serving.{kind}"
            else:
                field.type = {"string": kinds.TYPE_STRING, "bytes": kinds.TYPE_BYTES}[kind]
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("serving.PredictionLog"))


def read(log_class, record):
    """Signature and inputs of an encoded request."""
    request = log_class.FromString(record).predict_log.request
    tensors = {entry.key: TensorProto.FromString(entry.value) for entry in request.inputs}
    return request.model_spec.signature_name, {name: tf.make_ndarray(tensor) for name, tensor in tensors.items()}


def test_every_signature_is_asked_once_and_answers(tiny_bundle, log_class):
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(tiny_bundle / FILE))]
    asked = dict(read(log_class, record) for record in records)
    model = tf.saved_model.load(str(tiny_bundle))
    assert len(records) == len(asked)
    assert set(asked) == set(model.signatures)
    for name, inputs in asked.items():
        outputs = model.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        assert all(len(value) == 1 and np.isfinite(value).all() for value in outputs.values())
    assert (
        np.linalg.norm(model.signatures["embed_image"](tf.constant(asked["embed_image"]["image"]))["embedding"]) > 0.9
    )


def test_long_values_are_encoded_too(log_class):
    long = np.array([b"x" * 300, b"y" * 70_000], object)
    name, inputs = read(log_class, prediction_log("embed_text", {"text": long}))
    assert name == "embed_text"
    np.testing.assert_array_equal(inputs["text"], long)


def test_the_requests_are_part_of_what_the_manifest_vouches_for(tiny_bundle):
    assert FILE.as_posix() in load_bundle(tiny_bundle).manifest["files"]
