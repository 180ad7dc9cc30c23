import pytest

from product_matching.model.reranker.words import as_number, fold, is_number, parse


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café CRÈME", "cafe creme"),
        ("32 inches", "32in"),
        ("32 '", "32in"),
        ("10.2-inch", "10.2in"),
        ("2 GB", "2gb"),
        ("８００ｗ", "800w"),
        ("24 ct.", "24pk."),
        ("12 words", "12 words"),  # no watts
        ("Straße", "strasse"),
    ],
)
def test_one_thing_is_spelled_one_way(text, folded):
    assert fold(text) == folded


def test_a_text_is_taken_apart():
    words = parse("Sony DVP-NS700H / B player, 2 GB 10.0")
    assert dict(words.counts) == {"sony": 1, "dvp": 1, "ns700h": 1, "b": 1, "player": 1, "2gb": 1, "10": 1}
    assert words.codes == {"dvpns700h"}
    assert words.numbers == {"2gb", "10"}
    assert words.squeezed == "sonydvpns700hbplayer2gb100"


def test_chinese_characters_are_words():
    assert list(parse("红色跑鞋 42码").counts) == ["红", "色", "跑", "鞋", "42", "码"]


@pytest.mark.parametrize(
    ("word", "is_code"),
    [("kx-tg9342t", True), ("0763b001", True), ("65096933", True), ("1080p", False), ("cs3", False), ("2007", False)],
)
def test_model_numbers_are_told_from_measures(word, is_code):
    assert bool(parse(word).codes) is is_code


def test_an_empty_text_has_nothing():
    words = parse("")
    assert not words.counts
    assert not words.codes
    assert not words.numbers


def test_numbers_of_cells():
    assert as_number("$1,299.00") == 1299.0
    assert as_number("about 3") == 3.0
    assert as_number("n/a") is None
    assert [is_number(cell) for cell in ("$1,299.00", "9", "9 pieces", "")] == [True, True, False, False]
