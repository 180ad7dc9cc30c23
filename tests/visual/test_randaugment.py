import numpy as np
import pytest
import tensorflow as tf

from product_matching.visual import rand_augment
from product_matching.visual.randaugment import CHANGES, _all_changes

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 12, 10, 3), dtype=np.uint8)


def test_shape_range_and_seed():
    first, again, other = (rand_augment(IMAGES, seed).numpy() for seed in ([1, 2], [1, 2], [1, 3]))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.shape == IMAGES.shape
    assert first.dtype == np.float32
    assert 0 <= first.min() <= first.max() <= 255
    assert (first != IMAGES).any(axis=(1, 2, 3)).all()


def test_no_strength_only_rounds():
    np.testing.assert_allclose(rand_augment(IMAGES, [1, 2], ops=3, strength=0), IMAGES, atol=1.01)


def test_changes_by_hand():
    image = tf.constant([[[[100.0, 50.0, 200.0]]]])
    found = dict(zip(CHANGES, _all_changes(image, tf.reshape(0.5, [1, 1, 1, 1])), strict=True))
    grey = 0.2989 * 100 + 0.587 * 50 + 0.114 * 200
    np.testing.assert_allclose(found["brightness"].numpy().ravel(), [150, 75, 300])
    np.testing.assert_allclose(
        found["saturation"].numpy().ravel(), [grey + 1.5 * (c - grey) for c in (100, 50, 200)], rtol=1e-4
    )
    np.testing.assert_allclose(found["sharpness"], image)  # one pixel is its own mean
    np.testing.assert_allclose(
        found["posterise"].numpy().ravel(), [round(c / 255 * 8) / 8 * 255 for c in (100, 50, 200)], rtol=1e-5
    )


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_grey_stays_grey(grey):
    found = rand_augment(np.full((30, 6, 6, 3), grey, np.uint8), [0, 1], ops=2).numpy()
    np.testing.assert_allclose(np.ptp(found, axis=-1), 0, atol=1e-3)
