import numpy as np
import pytest

from product_matching.text import TextPreprocessor, learn_vocabulary
from product_matching.text.vocabulary import SPECIAL_TOKENS


def test_special_tokens_come_first(vocabulary):
    assert vocabulary[:5] == list(SPECIAL_TOKENS)


def test_pieces_are_different_ones(vocabulary):
    assert len(set(vocabulary)) == len(vocabulary)


def test_each_run_learns_the_same(texts, vocabulary):
    # The hash maps of the trainer start anew, in another order, with each run.
    for _ in range(4):
        assert learn_vocabulary(texts * 3, 300) == vocabulary


def test_letters_are_in_order(vocabulary):
    # Their numbers break ties between merges, so another process must give them the same ones.
    letters = [piece for piece in vocabulary if piece.startswith("##") and len(piece) == 3]
    assert letters == sorted(letters)


def test_order_of_the_texts_does_not_matter(texts):
    assert learn_vocabulary(texts * 3, 300) == learn_vocabulary(texts[::-1] * 3, 300)


def test_every_word_learned_from_is_known(texts, vocabulary):
    preprocessor = TextPreprocessor(vocabulary, max_tokens=128)
    ids = np.asarray(preprocessor(texts, [""] * len(texts))["token_ids"])
    assert not (ids == vocabulary.index("[UNK]")).any()


def test_chinese_goes_by_character(vocabulary):
    preprocessor = TextPreprocessor(vocabulary, max_tokens=16)
    ids = np.asarray(preprocessor(["红色跑鞋"], [""])["token_ids"])[0]
    assert [vocabulary[i] for i in ids[:6]] == ["[CLS]", "红", "色", "跑", "鞋", "[SEP]"]
    assert not any(len(piece) > 1 and "红" in piece for piece in vocabulary)


def test_frequent_words_are_whole_pieces():
    vocabulary = learn_vocabulary(["running shoes", "running mug"] * 20, 200)
    assert {"running", "shoes", "mug"} <= set(vocabulary)


def test_case_and_accents_are_folded_unless_asked_not_to():
    assert "cafe" in learn_vocabulary(["Café CAFÉ café"] * 20, 200)
    assert "Café" in learn_vocabulary(["Café Café"] * 20, 200, lowercase=False)


def test_text_is_cleaned_before_it_is_learned_from():
    vocabulary = learn_vocabulary(["<div>ｒｅｄ</div>&nbsp;mug"] * 20, 200)
    assert "red" in vocabulary
    assert not any("div" in piece or "nbsp" in piece for piece in vocabulary)


def test_size_is_the_most(texts):
    assert len(learn_vocabulary(texts * 3, 180)) <= 180


@pytest.mark.xfail(strict=True, reason="every character is kept, so that no word of the catalogue is unknown")
def test_size_is_the_most_even_where_there_are_more_characters():
    many = ["".join(chr(0x4E00 + i) for i in range(start, start + 40)) for start in range(0, 400, 40)]
    assert len(learn_vocabulary(many * 2, 100)) <= 100


def test_without_texts_there_are_the_special_tokens():
    assert learn_vocabulary([], 100) == list(SPECIAL_TOKENS)
