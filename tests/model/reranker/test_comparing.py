import numpy as np
import pytest

from product_matching.model.reranker.comparing import Comparer, whole

LEFT = [
    {"title": "Sony DVP-NS700H/B DVD player", "price": "$79.00", "colour": "black"},
    {"title": "Canon charger 0763b001", "price": "", "colour": ""},
    {"title": "红色跑鞋", "price": "30", "colour": "red"},
]
RIGHT = [
    {"title": "sony dvpns700hb upscaling player", "price": "79", "brand": "sony"},
    {"title": "nikon charger en-el3", "price": "12.5", "brand": ""},
    {"title": "跑鞋 红色", "price": "", "brand": "耐克"},
]


@pytest.fixture(scope="module")
def comparer():
    return Comparer.learn(LEFT, RIGHT)


def named(comparer, left, right):
    return dict(zip(comparer.names, comparer([left], [right])[0].tolist(), strict=True))


def test_columns_of_both_sides_and_numbers_are_found(comparer):
    assert comparer.shared == ["title", "price"]
    assert comparer.numeric == ["price"]


def test_comparisons_by_hand(comparer):
    found = named(comparer, LEFT[0], RIGHT[0])
    assert found["price.ratio"] == found["price.equal"] == 1.0
    assert found["title.codes.left_best"] == 1.0  # dvpns700hb, written with hyphen and slash
    assert found["title.same_start"] == 1.0
    assert found["title.both.count"] == 2  # sony, player
    assert found["title.codes.conflict"] == 0.0
    other = named(comparer, LEFT[0], RIGHT[1])
    assert other["price.ratio"] == pytest.approx(13.5 / 80)
    assert other["title.codes.left_best"] == 0.0


def test_what_only_one_side_has_counts_in_the_whole(comparer):
    with_brand = named(comparer, LEFT[0], RIGHT[0])["all.right_in_left"]
    without = named(comparer, LEFT[0], {**RIGHT[0], "brand": ""})["all.right_in_left"]
    assert with_brand == pytest.approx(without)  # sony stands in the title already
    assert named(comparer, LEFT[0], {**RIGHT[0], "brand": "philips"})["all.right_in_left"] < without


def test_missing_values_are_marked_and_not_alike(comparer):
    found = named(comparer, LEFT[1], RIGHT[2])
    assert found["price.no_left"] == found["price.no_right"] == 1.0
    assert found["price.ratio"] == 0.5
    assert found["price.equal"] == 0.0


def test_the_order_of_chinese_words_does_not_count(comparer):
    found = named(comparer, LEFT[2], RIGHT[2])
    assert found["title.cosine"] == pytest.approx(1.0)
    assert found["title.equal"] == 0.0


def test_a_record_without_anything_is_compared(comparer):
    found = comparer([{}], [{"title": "", "price": "", "brand": ""}])
    assert np.isfinite(found).all()
    assert named(comparer, {}, RIGHT[0])["all.cosine"] == 0.0


def test_columns_of_other_names_are_compared_as_titles():
    comparer = Comparer.learn([{"name": "red mug"}], [{"title": "red mug"}])
    assert comparer.shared == []
    assert named(comparer, {"name": "red mug"}, {"title": "red mug"})["title.cosine"] == pytest.approx(1.0)


def test_batch_is_one_at_a_time_and_empty_is_empty(comparer):
    together = comparer(LEFT, RIGHT)
    alone = np.concatenate([comparer([a], [b]) for a, b in zip(LEFT, RIGHT, strict=True)])
    np.testing.assert_array_equal(together, alone)
    assert comparer([], []).shape == (0, len(comparer.names))


def test_config_makes_the_same_one(comparer):
    again = Comparer.from_config(comparer.get_config())
    np.testing.assert_array_equal(again(LEFT, RIGHT), comparer(LEFT, RIGHT))


def test_whole_leaves_nothing_out():
    assert whole(LEFT[1]) == "Canon charger 0763b001"
