"""The towers in other runtimes: the Keras model's vectors."""

import numpy as np
import pytest
import tensorflow as tf

from product_matching.deploy import ConvertedTower, convert_towers
from product_matching.errors import ConfigError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def asked(tiny_model):
    """Inputs of each tower by name, and the vectors of the Keras model."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    texts = tf.constant(["red mug", "红色条纹马克杯", "a rather long title of a blue thing " * 4])
    tokens = tiny_model.preprocessor.text(texts, tf.constant(["", "0.3 l", ""]))
    shown = tf.ones(3, tf.bool)
    vectors = {
        "image": tiny_model.embed_one("image", tiny_model.image_vector(pixels), shown),
        "text": tiny_model.embed_one("text", tiny_model.text_vector(tokens), shown),
    }
    inputs = {name: tokens[name].numpy() for name in ("token_ids", "segment_ids", "padding_mask")}
    return {"image": {"pixels": pixels}, "text": inputs}, vectors


@pytest.mark.filterwarnings("ignore")  # tf2onnx's, of numpy and protobuf
def test_onnx_gives_the_same_vectors(tiny_model, asked, tmp_path):
    pytest.importorskip("tf2onnx")
    runtime = pytest.importorskip("onnxruntime")
    inputs, expected = asked
    for name, file in convert_towers(tiny_model, tmp_path / "towers", "onnx").items():
        session = runtime.InferenceSession(str(file))
        assert [given.name for given in session.get_inputs()] == list(inputs[name])
        for rows in (slice(None), slice(1)):  # any batch size
            fed = {key: value[rows] for key, value in inputs[name].items()}
            np.testing.assert_allclose(session.run(["embedding"], fed)[0], expected[name][rows], atol=1e-5)


@pytest.mark.filterwarnings("ignore")  # tf.lite's, of its move to ai_edge_litert
def test_litert_gives_the_same_vectors(tiny_model, asked, tmp_path):
    inputs, expected = asked
    for name, file in convert_towers(tiny_model, tmp_path, "litert").items():
        runner = tf.lite.Interpreter(model_path=str(file)).get_signature_runner()
        for rows in (slice(None), slice(1)):  # any batch size
            fed = {key: value[rows] for key, value in inputs[name].items()}
            np.testing.assert_allclose(runner(**fed)["embedding"], expected[name][rows], atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("to", ["litert", "onnx"])
def test_dynamic_eight_bits_are_smaller_and_near(tiny_model, asked, tmp_path, to):
    if to == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    inputs, expected = asked
    whole, small = (convert_towers(tiny_model, tmp_path / str(d), to, dynamic=d) for d in (False, True))
    for name, file in small.items():
        assert file.stat().st_size < whole[name].stat().st_size
        found = ConvertedTower(file)(inputs[name])
        assert not np.allclose(found, expected[name], atol=1e-6)
        assert (found * expected[name].numpy()).sum(axis=1).min() > 0.99


def test_texts_shorter_than_a_file_wants_are_filled_up(tiny_model, asked, tmp_path):
    inputs, expected = asked
    tower = ConvertedTower(convert_towers(tiny_model, tmp_path, "litert")["text"])
    used = inputs["text"]["padding_mask"][:2].sum(axis=1).max()
    short = {name: value[:2, :used] for name, value in inputs["text"].items()}
    assert used < tiny_model.preprocessor.text.max_tokens
    np.testing.assert_allclose(tower(short), expected["text"][:2], atol=1e-5)


def test_an_unknown_format_is_refused(tiny_model, tmp_path):
    with pytest.raises(ConfigError, match="onnx"):
        convert_towers(tiny_model, tmp_path, "onx")
