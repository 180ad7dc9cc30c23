import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import MultiLabelBinarizer

from product_matching.text import TagLookup


@pytest.fixture(scope="module")
def lookup():
    return TagLookup(["red", "跑鞋", "new in"])


@pytest.mark.parametrize(
    ("tags", "hot"),
    [
        ("red", [1, 0, 0]),
        ("跑鞋|red", [1, 1, 0]),
        ("RED | Ｒｅｄ|red", [1, 0, 0]),
        (" new   in ", [0, 0, 1]),
        ("new|in", [0, 0, 0]),
        ("blue|red", [1, 0, 0]),
        ("", [0, 0, 0]),
        ("|||", [0, 0, 0]),
    ],
)
def test_lookup_by_hand(lookup, tags, hot):
    found = lookup(tf.constant([tags]))
    assert found["tags"].numpy().tolist() == [hot]
    assert bool(found["has_tags"][0]) is any(hot)


def test_equals_scikit_learn(lookup):
    rng = np.random.default_rng(0)
    lists = [list(rng.choice(lookup.vocabulary, size=rng.integers(0, 4))) for _ in range(50)]
    theirs = MultiLabelBinarizer(classes=lookup.vocabulary).fit_transform(lists)
    np.testing.assert_array_equal(lookup(tf.constant(["|".join(tags) for tags in lists]))["tags"], theirs)


def test_learns_the_most_frequent_ties_by_name():
    lists = [["b", "a"], ["b", "c"], ["a", "红"], ["a", "红"], ["rare"]]
    # a 3, b 2, 红 2, c 1, rare 1
    assert TagLookup.learn(lists, min_count=1).vocabulary == ["a", "b", "红", "c", "rare"]
    assert TagLookup.learn(lists, min_count=2).vocabulary == ["a", "b", "红"]
    assert TagLookup.learn(lists, min_count=1, max_tags=2).vocabulary == ["a", "b"]


def test_learns_what_it_looks_up():
    lookup = TagLookup.learn([[" Red ", "ＲＥＤ"], ["red"], ["<b>Neu</b>"]], min_count=1)
    assert lookup.vocabulary == ["red", "neu"]
    assert lookup(tf.constant(["Red|neu"]))["tags"].numpy().tolist() == [[1, 1]]


def test_product_counts_once_for_a_tag_it_repeats():
    assert TagLookup.learn([["red", "Red"], ["blue"], ["blue"]], min_count=2).vocabulary == ["blue"]


@pytest.mark.parametrize("lists", [[], [[]], [[""]], [["once"]]])
def test_shop_without_tags_has_vectors_of_width_zero(lists):
    found = TagLookup.learn(lists)(tf.constant(["red", ""]))
    assert found["tags"].shape == (2, 0)
    assert not found["has_tags"].numpy().any()


def test_graph_gives_what_eager_gives(lookup):
    tags = tf.constant(["red", "", "跑鞋|x"])
    np.testing.assert_array_equal(tf.function(lambda some: lookup(some)["tags"])(tags), lookup(tags)["tags"])


def test_no_rows_give_no_rows(lookup):
    assert lookup(tf.constant([], tf.string))["tags"].shape == (0, 3)
