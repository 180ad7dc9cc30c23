import numpy as np
import pytest
import tensorflow as tf

from product_matching.text import clean_text
from product_matching.text.augment import as_typed, drop_fields

COUNT = 4000
TITLES = tf.constant(["red running shoes with white laces"] * COUNT)
DESCRIPTIONS = tf.constant(["很轻 透气 适合 跑步"] * COUNT)


@pytest.fixture(scope="module")
def dropped():
    return [field.numpy() for field in drop_fields(TITLES, DESCRIPTIONS, tf.constant([1, 2]))]


def test_same_seed_gives_the_same(dropped):
    again = drop_fields(TITLES, DESCRIPTIONS, tf.constant([1, 2]))
    for ours, theirs in zip(again, dropped, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_other_seed_gives_another(dropped):
    title, _ = drop_fields(TITLES, DESCRIPTIONS, tf.constant([1, 3]))
    assert (title.numpy() != dropped[0]).any()


def test_rates_are_about_the_asked_ones(dropped):
    title, description = dropped
    # Four standard deviations of a share of 4000 draws are below 0.032.
    assert np.mean(description == b"") == pytest.approx(0.4, abs=0.032)
    assert np.mean(title == b"") == pytest.approx(0.15, abs=0.032)
    words = np.array([len(one.split()) for one in title if one])
    assert words.mean() / 6 == pytest.approx(0.9, abs=0.01)


def test_product_keeps_some_text(dropped):
    title, description = dropped
    assert ((title != b"") | (description != b"")).all()


@pytest.mark.parametrize(
    ("title", "description"),
    [("mug", ""), ("", "陶瓷 马克杯"), ("a", "b"), ("<br/>", "mug"), (" ", "mug"), ("mug", "​")],
)
def test_text_is_never_emptied(title, description):
    fields = drop_fields(tf.constant([title] * 300), tf.constant([description] * 300), tf.constant([5, 6]), word=0.9)
    left = clean_text(tf.strings.join(fields, separator=" ")).numpy()
    assert (left != b"").all()


def test_nothing_stays_nothing():
    title, description = drop_fields(tf.constant([""]), tf.constant([""]), tf.constant([0, 1]))
    assert (title.numpy()[0], description.numpy()[0]) == (b"", b"")


def test_words_keep_their_order(dropped):
    original = b"red running shoes with white laces".split()
    for text in dropped[0][:200]:
        words = text.split()
        assert words == [word for word in original if word in words]


def test_rates_of_zero_change_nothing():
    fields = drop_fields(TITLES, DESCRIPTIONS, tf.constant([0, 0]), no_description=0, no_title=0, word=0)
    np.testing.assert_array_equal(fields[0], TITLES)
    np.testing.assert_array_equal(fields[1], DESCRIPTIONS)


TYPED = [
    tf.constant(column)
    for column in (["Red mug", "", "Lamp", ""], ["fine", "long text", "", ""], ["a b|red", "x|y", "", "t"])
]


def test_queries_are_one_to_three_words_of_title_and_tags():
    pieces = [{"Red", "mug", "a b", "red"}, {"x", "y"}, {"Lamp"}, set()]
    seen = [set() for _ in pieces]
    for seed in range(60):
        titles, descriptions = (field.numpy() for field in as_typed(*TYPED, tf.constant([seed, 0]), share=1.0))
        assert not any(descriptions)
        for row, title in enumerate(titles):
            words = title.decode().replace("a b", "a_b").split()
            assert len(words) == len(set(words)) <= 3
            assert {word.replace("_", " ") for word in words} <= pieces[row]
            assert words or row == 3  # a product without a text stays without, whatever its tags
            seen[row].add(tuple(words))
    assert {len(words) for words in seen[0]} == {1, 2, 3}
    assert seen[1] == {("x",), ("y",), ("x", "y"), ("y", "x")}  # in any order


def test_the_share_of_queries_is_as_asked_and_others_stay():
    columns = [tf.repeat(column[:1], 2000) for column in TYPED]
    titles, descriptions = (field.numpy() for field in as_typed(*columns, tf.constant([1, 2]), share=0.3))
    typed = descriptions == b""
    assert abs(typed.mean() - 0.3) < 0.04
    assert set(titles[~typed]) == {b"Red mug"}
    again = as_typed(*columns, tf.constant([1, 2]), share=0.3)[0].numpy()
    assert (again == titles).all()
