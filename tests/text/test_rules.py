"""Rules of cleaning that are kept with the model: simplified characters, boilerplate."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from product_matching.text import TextEncoder, TextRules, clean_text, learn_vocabulary, simplified_characters
from product_matching.text.noise import informative

opencc = pytest.importorskip("opencc")


@pytest.fixture(scope="module")
def rules():
    traditional, simplified = simplified_characters()
    return TextRules(
        traditional=traditional,
        simplified=simplified,
        boilerplate=["Free returns within 30 days.", "Free returns", "本店支持七天无理由退货。", "(a|b)* [x]?"],
    )


def apply(rules, *texts):
    return [text.decode() for text in rules(clean_text(list(texts))).numpy()]


def test_characters_are_those_of_opencc(rules):
    convert = opencc.OpenCC("t2s").convert
    assert len(rules.traditional) > 2_500
    titles = [
        "無線滑鼠",
        "紅色跑鞋 42碼",
        "陶瓷馬克杯，350毫升，可微波",
        "棉質連衣裙 無袖",
        "書桌 檯燈 藍牙耳機",
        "red shoes",
    ]
    assert apply(rules, *titles) == [convert(clean_text([title])[0].numpy().decode()) for title in titles]


def test_sentences_go_and_the_rest_stays(rules):
    found = apply(
        rules,
        "Red mug. Free returns within 30 days. Holds 350 ml.",
        "Free returns within 30 days.",
        "红色马克杯。本店支持七天无理由退货。350毫升",
        "(a|b)* [x]? stays literal: aab x",
    )
    assert found == ["Red mug. Holds 350 ml.", "", "红色马克杯。 350毫升", "stays literal: aab x"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=5))
def test_any_text_is_simplified_once_and_for_all(texts):
    traditional, simplified = simplified_characters_once()
    once = TextRules(traditional=traditional, simplified=simplified)(clean_text(texts))
    np.testing.assert_array_equal(TextRules(traditional=traditional, simplified=simplified)(once), once)
    expected = [text.decode().translate(str.maketrans(traditional, simplified)) for text in clean_text(texts).numpy()]
    assert [text.decode() for text in once.numpy()] == expected


_KNOWN = []


def simplified_characters_once():
    if not _KNOWN:
        _KNOWN.append(simplified_characters())
    return _KNOWN[0]


def test_no_rules_change_nothing():
    assert not TextRules()
    assert apply(TextRules(), "無線 Free returns") == ["無線 Free returns"]


def test_unequal_tables_are_an_error():
    with pytest.raises(ValueError, match="got 2 and 1"):
        TextRules(traditional="無線", simplified="无")


@pytest.mark.slow
def test_an_encoder_keeps_its_rules_and_exports_them(rules, tmp_path):
    encoder = TextEncoder(
        learn_vocabulary(["無線滑鼠", "紅色跑鞋"] * 3, 60, rules=rules),
        layers=1,
        hidden_dim=8,
        rules=rules.get_config(),
    )
    assert "无" in encoder.preprocessor.vocabulary
    assert "無" not in encoder.preprocessor.vocabulary
    texts = ["無線滑鼠。本店支持七天无理由退货。", "无线滑鼠。"]
    tokens = encoder.preprocessor(texts, ["", ""])["token_ids"]
    np.testing.assert_array_equal(tokens[0], tokens[1])
    encoder.save(tmp_path / "encoder.keras")
    again = keras.saving.load_model(tmp_path / "encoder.keras", compile=False)
    assert again.preprocessor.get_config() == encoder.preprocessor.get_config()
    module = tf.Module()
    module.tables = encoder.preprocessor.tables
    module.prepare = tf.function(encoder.preprocessor, input_signature=[tf.TensorSpec([None], tf.string)] * 2)
    tf.saved_model.save(module, str(tmp_path / "module"))
    loaded = tf.saved_model.load(str(tmp_path / "module"))
    np.testing.assert_array_equal(loaded.prepare(tf.constant(texts), tf.constant(["", ""]))["token_ids"], tokens)


def test_informative_words_stay():
    words = ["The", "red", "mug", "without", "的", "杯子", "New", "热卖", "free shipping", "XL", "a"]
    assert informative(words) == ["red", "mug", "without", "杯子", "XL", "a"]
