import numpy as np
import pytest
import tensorflow as tf

from product_matching.text import clean_text
from product_matching.text.augment import drop_fields

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
