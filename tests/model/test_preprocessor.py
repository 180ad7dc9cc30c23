from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from product_matching.dataset import make_dataset
from product_matching.visual import decode_images


@pytest.fixture(scope="module")
def some(tiny_catalog):
    return tiny_catalog.take(np.arange(40))


@pytest.fixture(scope="module")
def raw(some):
    contents = [Path(path).read_bytes() if path else b"" for path in some.image_paths()]
    columns = {name: tf.constant(some.table[name].tolist()) for name in ("title", "description", "tags")}
    return {"image": tf.constant(contents), **columns}


@pytest.fixture(scope="module")
def served(tiny_model, raw):
    return tiny_model.preprocessor(raw)


def gathered(batches):
    parts = [inputs for inputs, _ in batches]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_evaluation_pipeline_feeds_what_serving_feeds_bit_for_bit(tiny_model, some, served):
    piped = gathered(make_dataset(some, tiny_model.preprocessor, batch_size=16))
    assert piped.keys() == served.keys()
    for name, tensor in served.items():
        assert piped[name].dtype == tensor.dtype.as_numpy_dtype, name
        np.testing.assert_array_equal(piped[name], tensor, err_msg=name)


def test_training_pipeline_without_views_feeds_what_serving_feeds_in_another_order(tiny_model, some, served):
    batches = make_dataset(some, tiny_model.preprocessor, batch_size=8, training=True, augment=0)
    piped = gathered(batches)

    def rows(tensors):
        return sorted(b"".join(np.asarray(tensors[name])[i].tobytes() for name in served) for i in range(len(some)))

    assert rows(piped) == rows(served)


def test_tensors_are_those_of_the_parts(tiny_model, raw, served):
    preprocessor = tiny_model.preprocessor
    words, tags = preprocessor.text(raw["title"], raw["description"]), preprocessor.tags(raw["tags"])
    for name, tensor in {**words, **tags, "image": decode_images(raw["image"], 32)}.items():
        np.testing.assert_array_equal(tensor, served[name], err_msg=name)
    np.testing.assert_array_equal(served["has_image"], [len(contents) > 0 for contents in raw["image"].numpy()])


def test_batch_gives_what_each_row_gives_alone(tiny_model, raw, served):
    for row in range(0, 40, 7):
        one = tiny_model.preprocessor({name: column[row : row + 1] for name, column in raw.items()})
        for name, tensor in one.items():
            np.testing.assert_array_equal(tensor[0], served[name][row], err_msg=name)


def test_graph_gives_what_eager_gives(tiny_model, raw, served):
    batches = tf.data.Dataset.from_tensor_slices(raw).batch(40).map(tiny_model.preprocessor)
    for name, tensor in next(iter(batches)).items():
        np.testing.assert_array_equal(tensor, served[name], err_msg=name)


def test_empty_strings_mean_missing(tiny_model):
    nothing = {name: tf.constant([""]) for name in ("image", "title", "description", "tags")}
    inputs = tiny_model.preprocessor(nothing)
    assert [bool(inputs[f"has_{name}"][0]) for name in ("image", "text", "tags")] == [False, False, False]
    assert inputs["image"].shape == (1, 32, 32, 3)
    assert (np.asarray(inputs["image"]) == 255).all()


def test_shapes_and_types_are_the_documented_ones(served, tiny_model):
    count = len(tiny_model.preprocessor.tags.vocabulary)
    shapes = {name: (tuple(tensor.shape[1:]), tensor.dtype) for name, tensor in served.items()}
    assert shapes == {
        "image": ((32, 32, 3), tf.uint8),
        "token_ids": ((24,), tf.int32),
        "segment_ids": ((24,), tf.int32),
        "padding_mask": ((24,), tf.bool),
        "tags": ((count,), tf.float32),
        "has_image": ((), tf.bool),
        "has_text": ((), tf.bool),
        "has_tags": ((), tf.bool),
    }
