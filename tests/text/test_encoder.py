import keras
import numpy as np
import pytest

from product_matching.text import TextEncoder

SIZE = {"layers": 1, "heads": 2, "hidden_dim": 16, "intermediate_dim": 32}


@pytest.fixture(scope="module", params=["mean", "cls"])
def encoder(request, vocabulary):
    return TextEncoder(vocabulary, **SIZE, max_tokens=32, pooling=request.param)


def tokens_of(encoder, texts):
    return encoder.preprocessor(list(texts), [""] * len(texts))


def test_padding_has_no_influence(encoder):
    tokens = tokens_of(encoder, ["red shoes", "红色跑鞋"])
    noisy = {**tokens, "token_ids": np.where(tokens["padding_mask"], tokens["token_ids"], 7)}
    np.testing.assert_allclose(encoder(noisy), encoder(tokens), atol=1e-5)
    short = {name: tokens[name][:, :10] for name in ("token_ids", "segment_ids", "padding_mask")}
    np.testing.assert_allclose(encoder(short), encoder(tokens), atol=1e-5)


def test_pooling_is_the_documented_one(encoder):
    tokens = tokens_of(encoder, ["red shoes", "红色跑鞋 42码"])
    inputs = {name: tokens[name] for name in ("token_ids", "segment_ids", "padding_mask")}
    sequence = np.asarray(encoder.backbone(inputs)["sequence_output"])
    for row, mask, pooled in zip(
        sequence, np.asarray(tokens["padding_mask"]), np.asarray(encoder(tokens)), strict=True
    ):
        hand = row[0] if encoder.pooling == "cls" else row[mask].mean(axis=0)
        np.testing.assert_allclose(pooled, hand, atol=1e-5)


def test_encoded_texts_have_length_one(encoder, texts):
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_batches_do_not_matter(encoder, texts):
    np.testing.assert_allclose(encoder.encode(texts, batch_size=3), encoder.encode(texts), atol=1e-5)


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 16)


def test_saved_encoder_encodes_the_same(encoder, texts, tmp_path):
    encoder.save(tmp_path / "text.keras")
    again = keras.saving.load_model(tmp_path / "text.keras")
    np.testing.assert_allclose(again.encode(texts), encoder.encode(texts), atol=1e-6)
    assert again.pooling == encoder.pooling
    assert again.preprocessor.get_config() == encoder.preprocessor.get_config()


def test_configuration_round_trips(encoder):
    config = encoder.get_config()
    again = TextEncoder.from_config(dict(config))
    assert again.get_config()["pooling"] == config["pooling"]
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in encoder.weights]


def test_half_precision_encodes_finite_float32(half_precision, vocabulary, texts):
    vectors = TextEncoder(vocabulary, **SIZE).encode(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
