import numpy as np
import pytest
import tensorflow as tf

from product_matching.visual import augment_images

SEED = tf.constant([3, 4])


@pytest.fixture(scope="module")
def images():
    return tf.constant(np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def views(images):
    return augment_images(images, SEED).numpy()


def test_same_seed_gives_the_same(images, views):
    np.testing.assert_array_equal(augment_images(images, SEED), views)


def test_other_seed_gives_another(images, views):
    assert np.abs(augment_images(images, tf.constant([3, 5])) - views).max() > 1


def test_graph_for_any_number_of_images_gives_what_eager_gives(images, views):
    any_number = [tf.TensorSpec([None, 16, 16, 3], tf.uint8), tf.TensorSpec([2], tf.int32)]
    in_graph = tf.function(augment_images, input_signature=any_number)
    np.testing.assert_allclose(in_graph(images, SEED), views, atol=1e-3)


def test_shape_and_range_are_those_of_images(views):
    assert (views.shape, views.dtype) == ((24, 16, 16, 3), np.float32)
    assert views.min() >= 0
    assert views.max() <= 255


def test_without_zoom_turn_and_light_an_image_is_itself_or_its_mirror(images):
    still = augment_images(images, SEED, zoom=0, turn=0, light=0, hide=0).numpy()
    originals = images.numpy().astype(float)
    same = [np.array_equal(view, original) for view, original in zip(still, originals, strict=True)]
    mirrored = [np.array_equal(view, original[:, ::-1]) for view, original in zip(still, originals, strict=True)]
    assert all(a or b for a, b in zip(same, mirrored, strict=True))
    assert any(same)
    assert any(mirrored)


def test_each_image_gets_a_view_of_its_own():
    one = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    views = augment_images(tf.constant(np.repeat(one, 6, axis=0)), SEED).numpy()
    assert len({view.tobytes() for view in views}) == 6


def test_light_is_a_factor_of_each_image():
    grey = np.full((200, 4, 4, 3), 100, np.uint8)
    views = augment_images(tf.constant(grey), SEED, light=0.15, hide=0).numpy()
    factors = views.mean(axis=(1, 2, 3)) / 100
    np.testing.assert_allclose(views, 100 * np.tile(factors[:, None, None, None], (1, 4, 4, 3)), rtol=1e-4)
    assert 0.85 <= factors.min() < 0.88
    assert 1.12 < factors.max() <= 1.15


def test_hue_is_left_alone():
    views = augment_images(tf.constant(np.tile(np.uint8([100, 50, 150]), (20, 8, 8, 1))), SEED, hide=0).numpy()
    np.testing.assert_allclose(views / views[..., 1:2], np.broadcast_to([2.0, 1.0, 3.0], views.shape), rtol=1e-4)


def test_window_is_zoomed_turned_and_moved_within_bounds():
    side, count = 64, 100
    rows, columns = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    # A pixel tells where it was read: 2 * row in the first band, 2 * column in the second.
    where = np.stack([2 * rows, 2 * columns, 0 * rows], axis=-1).astype(np.float32)
    views = (
        augment_images(tf.constant(np.tile(where, (count, 1, 1, 1))), SEED, zoom=0.2, turn=15, light=0, hide=0).numpy()
        / 2
    )
    inside = slice(24, 40)
    centre = (side - 1) / 2
    design = np.stack([rows[inside, inside].ravel() - centre, columns[inside, inside].ravel() - centre], axis=1)
    design = np.c_[design, np.ones(len(design))]
    lengths, angles, shifts = [], [], []
    for view in views:
        read = view[inside, inside, :2].reshape(-1, 2)
        (by_row, by_column, middle), *_ = np.linalg.lstsq(design, read, rcond=None)
        np.testing.assert_allclose(design @ np.array([by_row, by_column, middle]), read, atol=0.05)
        assert abs(by_row @ by_column) < 0.01  # turned, not sheared
        lengths += [np.linalg.norm(by_row), np.linalg.norm(by_column)]
        angles.append(np.degrees(np.arctan2(by_row[1], by_row[0])))
        shifts.append(middle - centre)
    for found, low, high in [(lengths, 0.8, 1.2), (angles, -15, 15), (shifts, -6.4, 6.4)]:
        margin = 0.1 * (high - low)
        assert low - 0.02 <= np.min(found) < low + margin
        assert high - margin < np.max(found) <= high + 0.02


def test_one_grey_square_at_most_hides_a_part():
    side, share = 32, 0.5
    red = tf.constant(np.tile(np.uint8([200, 10, 10]), (300, side, side, 1)))
    views = augment_images(red, SEED, zoom=0, turn=0, light=0, hide=share).numpy()
    sides = []
    for view in views:
        hidden = (view != [200, 10, 10]).any(axis=-1)
        rows, columns = hidden.any(axis=1), hidden.any(axis=0)
        np.testing.assert_array_equal(hidden, rows[:, None] & columns)
        if hidden.any():
            assert np.ptp(view[hidden]) == 0
        sides += [rows.sum(), columns.sum()]
    assert share * side - 2 <= max(sides) <= share * side
    assert np.mean(np.array(sides) > 0) > 0.9


def test_outside_the_image_its_rim_goes_on():
    red = np.tile(np.uint8([200, 10, 10]), (20, 8, 8, 1))
    np.testing.assert_allclose(augment_images(tf.constant(red), SEED, zoom=0.5, light=0, hide=0), red, atol=0.01)
