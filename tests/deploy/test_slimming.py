import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from product_matching.deploy.slimming import slim_graph


class Model(tf.Module):
    """Branches, loops, assertions, effects and a variable, each in a scope with a long name."""

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(tf.reshape(tf.range(12.0), [3, 4]))
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["red", "blue"], [1.0, 2.0]), 0.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 3], name="x"), tf.TensorSpec([None], tf.string, name="words")])
    def serve(self, x, words):
        with tf.name_scope("a/very/long/path/of/layers/that/nobody/reads"):
            tf.debugging.assert_less(tf.shape(words)[0], 3, message="at most two words")
            total = tf.constant(0.0)
            for row in x:
                total += tf.reduce_sum(row) if tf.reduce_max(row) > 0 else -1.0
            each = tf.map_fn(lambda row: inner(row, self.weight), x)
        return {"each": each, "colour": self.table.lookup(words), "total": total}


@tf.function
def inner(row, weight):
    with tf.name_scope("another/long/path"):
        return tf.linalg.matvec(weight, row, transpose_a=True)


@pytest.fixture
def folder(tmp_path):
    tf.saved_model.save(module := Model(), tmp_path, signatures={"serving_default": module.serve})
    return tmp_path


def answers(folder):
    model = tf.saved_model.load(folder)
    x = tf.constant([[1.0, -2.0, 3.0], [-1.0, -2.0, -3.0]])
    signature = model.signatures["serving_default"](x=x, words=tf.constant(["red", "green"]))
    return [signature, model.serve(x, tf.constant(["blue", "red"]))]


def test_results_stay_and_the_file_shrinks(folder):
    before, size = answers(folder), (folder / "saved_model.pb").stat().st_size
    slim_graph(folder)
    for old, new in zip(before, answers(folder), strict=True):
        assert set(old) == set(new) == {"each", "colour", "total"}
        for name in old:
            np.testing.assert_array_equal(old[name], new[name])
    np.testing.assert_array_equal(before[0]["colour"], [1, 0])
    assert (folder / "saved_model.pb").stat().st_size < 0.6 * size


def test_errors_of_the_graph_still_come_through(folder):
    slim_graph(folder)
    model = tf.saved_model.load(folder)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most two words"):
        model.signatures["serving_default"](x=tf.zeros([2, 3]), words=tf.constant(["a", "b", "c"]))


def test_signatures_keep_their_names(folder):
    slim_graph(folder)
    graph = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs[0]
    signature = graph.signature_def["serving_default"]
    assert set(signature.inputs) == {"x", "words"}
    assert set(signature.outputs) == {"each", "colour", "total"}
    assert not any("nobody" in node.name for f in graph.graph_def.library.function for node in f.node_def)


def test_the_fingerprint_is_that_of_the_new_file(folder):
    old = tf.saved_model.experimental.read_fingerprint(str(folder)).saved_model_checksum
    slim_graph(folder)
    new = tf.saved_model.experimental.read_fingerprint(str(folder)).saved_model_checksum
    assert old != new
    slim_graph(folder)
    assert tf.saved_model.experimental.read_fingerprint(str(folder)).saved_model_checksum == new
