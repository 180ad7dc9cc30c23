import numpy as np
import pytest

from product_matching.model.reranker import PairTokenizer, serialise
from product_matching.model.reranker.weights import WordWeights
from product_matching.text.tokenizer import SubwordTokenizer

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "col", "val", "title", "red", "mug", "shoe", "##s", "红", "3"]
OPTIONS = {"normalizer": [["Lowercase"]], "split_on_cjk": True, "unknown": "[UNK]"}


@pytest.fixture(scope="module")
def tokenizer():
    return PairTokenizer(SubwordTokenizer("wordpiece", VOCABULARY, OPTIONS, prefix=[2], suffix=[3]), max_tokens=16)


def test_a_record_by_hand():
    record = {"title": "Red mug 红", "brand": "", "price": "3"}
    assert serialise(record, WordWeights(), most=9) == "COL title VAL Red mug 红 COL price VAL 3"
    assert serialise({"title": ""}, WordWeights(), most=9) == ""


def test_of_a_long_cell_the_words_that_weigh_most_stay_in_their_order():
    weights = WordWeights.learn(["the red mug", "the blue mug", "the chair", "the tall lamp"])
    assert serialise({"title": "the tall mug in the red"}, weights, most=3) == "COL title VAL tall in red"


def test_a_pair_by_hand(tokenizer):
    left, right = tokenizer.pieces(["COL title VAL red mug", "COL title VAL 红 shoes"])
    assert left == [4, 6, 5, 7, 8]
    assert right == [4, 6, 5, 11, 9, 10]
    packed = tokenizer.pack([left], [right])
    np.testing.assert_array_equal(packed["token_ids"], [[2, 4, 6, 5, 7, 8, 3, 4, 6, 5, 11, 9, 10, 3, 0, 0]])
    np.testing.assert_array_equal(packed["segment_ids"], [[0] * 7 + [1] * 7 + [0] * 2])
    np.testing.assert_array_equal(packed["padding_mask"], [[True] * 14 + [False] * 2])


@pytest.mark.parametrize(
    ("left", "right", "kept"), [(20, 20, (6, 7)), (2, 20, (2, 11)), (20, 3, (10, 3)), (0, 5, (0, 5))]
)
def test_a_short_side_leaves_its_room_to_the_other(tokenizer, left, right, kept):
    packed = tokenizer.pack([[7] * left], [[8] * right])
    assert ((packed["token_ids"] == 7).sum(), (packed["token_ids"] == 8).sum()) == kept
    assert packed["token_ids"].shape[1] <= 16


def test_rows_are_as_long_as_the_longest_needs(tokenizer):
    assert tokenizer.pack([[7], [7, 7]], [[8], [8]])["token_ids"].shape == (2, 8)
    assert tokenizer.pieces([]) == []
