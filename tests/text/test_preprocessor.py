import numpy as np
import pytest
import tensorflow as tf
from keras_hub.layers import MultiSegmentPacker
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import BertTokenizer

from product_matching.errors import DataError
from product_matching.text import TextPreprocessor, clean_text

LENGTH = 24


@pytest.fixture(scope="module")
def preprocessor(vocabulary):
    return TextPreprocessor(vocabulary, max_tokens=LENGTH)


@pytest.fixture(scope="module")
def packed(preprocessor, random_pairs):
    titles, descriptions = zip(*random_pairs, strict=True)
    return {name: np.asarray(tensor) for name, tensor in preprocessor(list(titles), list(descriptions)).items()}


def pieces_of(tokens, vocabulary):
    return [vocabulary[i] for i in np.asarray(tokens) if vocabulary[i] != "[PAD]"]


def test_equals_kerashubs_packer(preprocessor, vocabulary, random_pairs, packed):
    ids = {name: vocabulary.index(f"[{name}]") for name in ("CLS", "SEP", "PAD")}
    packer = MultiSegmentPacker(
        LENGTH, start_value=ids["CLS"], end_value=ids["SEP"], pad_value=ids["PAD"], truncate="waterfall"
    )
    segments = tuple(preprocessor.tokenizer(clean_text(list(texts))) for texts in zip(*random_pairs, strict=True))
    tokens, segment_ids = packer(segments)
    np.testing.assert_array_equal(packed["token_ids"], tokens)
    np.testing.assert_array_equal(packed["segment_ids"], segment_ids)
    np.testing.assert_array_equal(packed["padding_mask"], np.asarray(tokens) != ids["PAD"])


@pytest.mark.parametrize("lowercase", [True, False])
def test_equals_the_reference_tokenizer(vocabulary, random_pairs, lowercase):
    reference = Tokenizer(WordPiece({piece: i for i, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    reference.normalizer = BertNormalizer(lowercase=lowercase, strip_accents=lowercase)
    reference.pre_tokenizer = BertPreTokenizer()
    preprocessor = TextPreprocessor(vocabulary, max_tokens=400, lowercase=lowercase)
    texts = [" ".join(pair) for pair in random_pairs]
    ours = np.asarray(preprocessor(texts, [""] * len(texts))["token_ids"])
    for row, cleaned in zip(ours, clean_text(texts).numpy(), strict=True):
        # [CLS] title [SEP] and the [SEP] of the description that is not there
        assert row[row != 0][1:-2].tolist() == reference.encode(cleaned.decode()).ids


def test_pair_equals_transformers(vocabulary, random_pairs):
    reference = BertTokenizer(vocab={piece: i for i, piece in enumerate(vocabulary)})
    preprocessor = TextPreprocessor(vocabulary, max_tokens=400)
    titles, descriptions = (list(texts) for texts in zip(*random_pairs, strict=True))
    ours = preprocessor(titles, descriptions)
    cleaned = [[text.decode() for text in clean_text(texts).numpy()] for texts in (titles, descriptions)]
    theirs = reference(*cleaned, padding="max_length", max_length=400, return_tensors="np")
    np.testing.assert_array_equal(ours["token_ids"], theirs["input_ids"])
    np.testing.assert_array_equal(ours["segment_ids"], theirs["token_type_ids"])
    np.testing.assert_array_equal(ours["padding_mask"], theirs["attention_mask"])


def test_layout_by_hand(preprocessor, vocabulary):
    found = preprocessor(["Red shoes"], ["红色"])
    assert pieces_of(found["token_ids"][0], vocabulary) == ["[CLS]", "red", "shoes", "[SEP]", "红", "色", "[SEP]"]
    assert found["segment_ids"][0, :8].numpy().tolist() == [0, 0, 0, 0, 1, 1, 1, 0]


def test_long_description_costs_no_word_of_the_title(preprocessor, vocabulary):
    alone = pieces_of(preprocessor(["red running shoes"], [""])["token_ids"][0], vocabulary)[:-2]
    crowded = pieces_of(preprocessor(["red running shoes"], ["blue dress " * 50])["token_ids"][0], vocabulary)
    assert crowded[: len(alone)] == alone
    assert len(crowded) == LENGTH
    assert crowded[-1] == "[SEP]"


@pytest.mark.parametrize(
    ("title", "description", "there"),
    [
        ("mug", "", True),
        ("", "杯", True),
        ("", "", False),
        (" \t", "\u200b", False),
        ("<br/>", "&nbsp;", False),
        ("😀", "", True),
    ],
)
def test_has_text_says_whether_anything_is_left(preprocessor, title, description, there):
    assert bool(preprocessor([title], [description])["has_text"][0]) is there


def test_words_of_the_seller_are_no_special_tokens(preprocessor, vocabulary):
    pieces = pieces_of(preprocessor(["red [SEP] [PAD] shoes [CLS]"], [""])["token_ids"][0], vocabulary)
    assert pieces.count("[SEP]") == 2
    assert pieces.count("[CLS]") == 1


def test_batch_gives_what_each_text_gives_alone(preprocessor, random_pairs, packed):
    for i in range(0, 100, 9):
        title, description = random_pairs[i]
        for name, tensor in preprocessor([title], [description]).items():
            np.testing.assert_array_equal(tensor[0], packed[name][i])


def test_graph_gives_what_eager_gives(preprocessor, random_pairs, packed):
    titles, descriptions = zip(*random_pairs, strict=True)
    rows = tf.data.Dataset.from_tensor_slices((list(titles), list(descriptions))).batch(100).map(preprocessor)
    for name, tensor in next(iter(rows)).items():
        np.testing.assert_array_equal(tensor, packed[name])


def test_no_texts_give_no_rows(preprocessor):
    empty = tf.constant([], tf.string)
    assert preprocessor(empty, empty)["token_ids"].shape == (0, LENGTH)


def test_vocabulary_of_another_kind_is_refused():
    with pytest.raises(DataError, match=r"\[CLS\], \[SEP\]"):
        TextPreprocessor(["[PAD]", "[UNK]", "mug"])


def test_configuration_round_trips(preprocessor):
    again = TextPreprocessor(**preprocessor.get_config())
    np.testing.assert_array_equal(again(["red"], ["杯"])["token_ids"], preprocessor(["red"], ["杯"])["token_ids"])
