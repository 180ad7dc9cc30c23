from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from product_matching.dataset import make_dataset
from product_matching.errors import ConfigError
from product_matching.visual import decode_image

pytestmark = pytest.mark.slow


class PlainPreprocessor:
    """Small images, and words as they are: quick to build into a pipeline."""

    image_size, beside_image_size = 8, 0

    def tags(self, tags):
        return {"tags": tf.zeros([tf.size(tags), 0])}

    def decode(self, contents):
        return decode_image(contents, self.image_size)

    def assemble(self, pixels, has_image, raw):
        return {"image": pixels, "has_image": has_image, "title": raw["title"]}


@pytest.fixture(scope="module")
def some(tiny_catalog):
    """40 products of different groups, the first without an image."""
    rows = np.unique(tiny_catalog.groups(), return_index=True)[1]
    chosen = tiny_catalog.take(np.sort(rows)[:40])
    table = chosen.table.copy()
    table.iloc[0, table.columns.get_loc("image")] = ""
    return type(chosen)(table, root=chosen.root)


@pytest.fixture(scope="module")
def batches_of(some):
    def make(catalog=some, **options):
        return make_dataset(catalog, PlainPreprocessor(), **{"batch_size": 16, **options})

    return make


def read(batches):
    """Images, titles and groups of one epoch."""
    parts = list(batches)
    columns = [np.concatenate([part[0][name] for part in parts]) for name in ("image", "title")]
    return [*columns, np.concatenate([part[1] for part in parts])]


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def test_evaluation_keeps_the_order_and_the_last_batch(batches_of, some):
    batches = batches_of()
    assert [len(groups) for _, groups in batches] == [16, 16, 8]
    np.testing.assert_array_equal(read(batches)[2], some.groups())


def test_evaluation_is_the_same_each_time(batches_of):
    batches = batches_of()
    assert same(read(batches), read(batches))


def test_training_leaves_out_a_last_batch_that_is_not_full(batches_of):
    assert [len(groups) for _, groups in batches_of(training=True)] == [16, 16]


def test_training_keeps_the_only_batch(batches_of):
    assert [len(groups) for _, groups in batches_of(training=True, batch_size=64)] == [40]


@pytest.mark.parametrize("options", [{}, {"training": True}, {"training": True, "same_kind": 4}])
def test_number_of_batches_is_known(batches_of, options):
    batches = batches_of(**options)
    assert batches.cardinality().numpy() == len(list(batches))


def test_training_shuffles_anew_each_epoch(batches_of, some):
    batches = batches_of(training=True, batch_size=40)
    first, second = read(batches)[2], read(batches)[2]
    assert (first != second).any()
    assert (first != some.groups()).any()
    np.testing.assert_array_equal(np.sort(first), np.sort(some.groups()))
    np.testing.assert_array_equal(np.sort(second), np.sort(some.groups()))


def test_seed_draws_order_and_views(batches_of):
    def epochs(seed):
        batches = batches_of(training=True, seed=seed, same_kind=4)
        return [*read(batches), *read(batches)]

    first = epochs(1)
    assert same(first, epochs(1))
    assert not same(first[:3], epochs(2)[:3])


def test_views_are_new_ones_each_epoch(batches_of):
    # In the order of the catalogue, so that only the views can differ.
    batches = batches_of(augment=1)
    changed = (read(batches)[0] != read(batches)[0]).any(axis=(1, 2, 3))
    assert changed[1:].mean() > 0.9  # the first product has no image


def test_views_can_be_left_out_of_training(batches_of):
    plain, training = read(batches_of(batch_size=40)), read(batches_of(training=True, augment=0, batch_size=40))
    for column, shuffled in zip(plain[:2], training[:2], strict=True):
        np.testing.assert_array_equal(column[np.argsort(plain[2])], shuffled[np.argsort(training[2])])


def test_views_can_be_drawn_in_order(batches_of, some):
    images, _, groups = read(batches_of(augment=1))
    np.testing.assert_array_equal(groups, some.groups())
    assert (images != read(batches_of())[0]).any()


def test_missing_image_is_white_and_masked(batches_of):
    inputs, _ = next(iter(batches_of()))
    assert not inputs["has_image"][0]
    assert (inputs["image"][0].numpy() == 255).all()
    assert inputs["has_image"][1]


def test_memory_of_images_changes_nothing(batches_of):
    assert same(read(batches_of(cache=True)), read(batches_of(cache=False)))


def test_products_of_one_kind_stand_together(batches_of, some):
    kinds = dict(zip(some.groups(), some.categories(), strict=True))

    def neighbours(same_kind):
        groups = read(batches_of(training=True, batch_size=40, same_kind=same_kind))[2]
        assert sorted(groups) == sorted(kinds)
        return sum(kinds[a] == kinds[b] for a, b in pairwise(groups))

    assert neighbours(4) > neighbours(1) + 3


def seen(batches):
    """Images, titles and groups of each batch."""
    return [(inputs["image"].numpy(), inputs["title"].numpy(), groups.numpy()) for inputs, groups in batches]


@pytest.mark.parametrize("options", [{}, {"same_kind": 4}, {"cache": False}, {"batch_size": 64}])
def test_an_interrupted_training_goes_on_where_it_was(batches_of, options):
    whole = seen(batches_of(training=True, epochs=3, seed=5, **options))
    assert len(whole) == 3 * (1 if options.get("batch_size") else 2)
    for start in (1, len(whole) // 2, len(whole) - 1):
        rest = batches_of(training=True, epochs=3, start_step=start, seed=5, **options)
        assert rest.cardinality() == len(whole) - start
        for resumed, before in zip(seen(rest), whole[start:], strict=True):
            assert same(resumed, before)


def test_epochs_of_one_dataset_differ_and_hold_no_product_twice(batches_of):
    groups = [groups for _, _, groups in seen(batches_of(training=True, epochs=2))]
    first, second = np.concatenate(groups[:2]), np.concatenate(groups[2:])
    assert len(set(first)) == len(set(second)) == 32
    assert (first != second).any()


def test_batches_that_are_left_out_are_not_decoded(some):
    decoded = []

    class Counting(PlainPreprocessor):
        def decode(self, contents):
            tf.py_function(lambda: decoded.append(1), [], [])
            return super().decode(contents)

    options = {"batch_size": 8, "training": True, "cache": False, "epochs": 2, "start_step": 9}
    assert len(list(make_dataset(some, Counting(), **options))) == 1
    assert len(decoded) == 8


def test_a_folder_keeps_images_for_the_next_time(batches_of, some, tmp_path):
    first = read(batches_of(cache=tmp_path))
    assert list(tmp_path.iterdir())
    assert same(first, read(batches_of(cache=False)))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert same(first, read(batches_of(cache=tmp_path)))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept
    half = some.take(np.arange(20))
    assert same(read(batches_of(half, cache=tmp_path)), read(batches_of(half, cache=False)))


def test_texts_of_one_length_stand_together(batches_of, some):
    sizes = dict(zip(some.groups(), [len(text.encode()) for text in some.texts()], strict=True))

    def spread(bucket):
        parts = seen(batches_of(training=True, batch_size=5, bucket=bucket))
        assert len(np.unique(np.concatenate([groups for _, _, groups in parts]))) == 40
        return np.mean([np.ptp([sizes[group] for group in groups]) for _, _, groups in parts])

    assert spread(True) < 0.6 * spread(False)


def test_order_may_be_left_free(batches_of):
    free = read(batches_of(deterministic=False))
    assert sorted(free[2]) == sorted(read(batches_of())[2])


def test_fields_can_change_places(batches_of, some):
    titles = set(read(batches_of())[1])
    swapped = read(batches_of(augment=0.001, swap_fields=999.0))[1]
    descriptions = {text.encode() for text in some.table["description"]}
    assert np.mean([text in titles for text in swapped]) < 0.2
    assert np.mean([text in descriptions for text in swapped]) > 0.5


@pytest.mark.parametrize(
    "options", [{"epochs": 2}, {"training": True, "start_step": 2}, {"training": True, "bucket": True, "same_kind": 2}]
)
def test_options_that_exclude_each_other_are_an_error(batches_of, options):
    with pytest.raises(ConfigError, match="epochs with training"):
        batches_of(**options)
