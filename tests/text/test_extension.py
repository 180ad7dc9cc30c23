"""Characters that a pretrained vocabulary does not know."""

import keras
import numpy as np
import pytest
import transformers
from keras_hub.models import BertBackbone

from product_matching.model import add_lora, merge_lora
from product_matching.text import SequencePreprocessor, TextEncoder
from product_matching.text.tokenizer import SubwordTokenizer

ENGLISH = ["red", "running", "shoe", "cup", "of", "tea", "blue", "中", "##s", "##e", "##d"]
OPTIONS = {"normalizer": [["NFD"], ["StripAccents"], ["Lowercase"]], "split_on_cjk": True, "unknown": "[UNK]"}
SHOP = ["red shoe", "红色 shoe", "红杯", "杯 of 中", "blue ж", "ж red", "红鼠"]
PADDED = 3  # rows of the network that no token has, as some checkpoints have them


@pytest.fixture(scope="module", params=["mean", "attention"])
def encoder(request):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *ENGLISH]
    keras.utils.set_random_seed(1)
    return TextEncoder(
        preprocessor=SequencePreprocessor(
            SubwordTokenizer("wordpiece", vocabulary, OPTIONS, prefix=[2], suffix=[3]),
            max_tokens=12,
            rules={"boilerplate": ["blue cup"]},
        ),
        backbone=BertBackbone(
            vocabulary_size=len(vocabulary) + PADDED, num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=32
        ),
        pooling=request.param,
        details={"activation": "gelu", "epsilon": 1e-6},
        normalize=True,
    )


@pytest.fixture(scope="module")
def extended(encoder):
    return encoder.extended(SHOP)


def added(old, new):
    return new.preprocessor.vocabulary[len(old.preprocessor.vocabulary) :]


def test_characters_seen_twice_are_added_the_most_frequent_first(encoder, extended):
    assert added(encoder, extended) == ["红", "ж", "杯"]
    assert set(added(encoder, encoder.extended(SHOP, min_count=1))) == {"杯", "红", "ж", "色", "鼠"}


def test_ids_are_those_of_transformers_with_the_longer_vocabulary(extended):
    vocabulary = {token: number for number, token in enumerate(extended.preprocessor.vocabulary)}
    reference = transformers.BertTokenizerFast(vocab=vocabulary, tokenize_chinese_chars=True)
    texts = [*SHOP, "红 cups 中杯 shoes", "unheard 词"]
    ours = extended.preprocessor(texts, [""] * len(texts))
    for text, ids, mask in zip(texts, ours["token_ids"].numpy(), ours["padding_mask"].numpy(), strict=True):
        assert ids[mask].tolist() == reference(text)["input_ids"]


def test_known_words_mean_what_they_meant(encoder, extended):
    known = ["red running shoe", "blue cup of tea", "cups", "中"]
    np.testing.assert_allclose(extended.encode(known), encoder.encode(known), atol=1e-6)


def test_new_characters_are_told_apart(encoder, extended):
    assert np.array_equal(*encoder.encode(["红", "杯"]))
    first, second = extended.encode(["红", "杯"])
    assert first @ second < 0.99


def test_new_rows_are_drawn_like_the_old(encoder):
    many = [chr(0x4E00 + number) for number in range(3000)]
    larger = encoder.extended(many, min_count=1)
    rows = np.asarray(larger.backbone.token_embedding.embeddings)
    old, new = rows[: len(ENGLISH) + 4], rows[len(ENGLISH) + 4 :]
    assert len(new) >= 2990  # some of the range are decomposed into others
    np.testing.assert_allclose(new.mean(axis=0), old.mean(axis=0), atol=0.005)
    np.testing.assert_allclose(new.std(axis=0), old.std(axis=0), rtol=0.1)


def test_twice_the_same(encoder, extended):
    for one, other in zip(encoder.extended(SHOP).weights, extended.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_to_add(encoder, extended):
    assert encoder.extended(["red shoe", "cups"]) is encoder
    assert extended.extended(SHOP) is extended
    learned = TextEncoder(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"], layers=1, hidden_dim=16, heads=2)
    assert learned.extended(["红红"]) is learned


def test_settings_and_configuration_survive(encoder, extended):
    again = TextEncoder.from_config(extended.get_config())
    again.set_weights(extended.get_weights())
    np.testing.assert_allclose(again.encode(SHOP), extended.encode(SHOP), atol=1e-6)
    for name in ("pooling", "normalize", "details"):
        assert getattr(extended, name) == getattr(encoder, name)
    assert extended.preprocessor.max_tokens == 12
    assert extended.preprocessor.rules.get_config() == encoder.preprocessor.rules.get_config()


def test_low_rank_updates_of_the_embedding_are_merged(encoder):
    larger = encoder.extended(SHOP)
    add_lora(larger.backbone, 2, ["reversibleembedding", "query"])
    rng = np.random.default_rng(0)
    for variable in larger.trainable_variables:
        variable.assign(rng.normal(size=variable.shape, scale=0.3))
    before = larger.encode(SHOP)
    assert merge_lora(larger.backbone) == 3
    np.testing.assert_allclose(larger.encode(SHOP), before, atol=1e-5)
    assert not np.allclose(before, encoder.extended(SHOP).encode(SHOP), atol=1e-2)
