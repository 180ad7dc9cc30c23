import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from product_matching.errors import ConfigError, DataError
from product_matching.metrics import precision_recall_curve, reliability, roc_curve

# Few different scores make ties; both labels are there.
PAIRS = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda pairs: len({label for label, _ in pairs}) == 2
)


@given(PAIRS)
def test_roc_equals_scikit_learn(pairs):
    labels, scores = np.array(pairs).T
    expected = sk.roc_curve(labels, scores, drop_intermediate=False)
    for found, wanted in zip(roc_curve(labels, scores), expected[:2], strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)


@given(PAIRS)
def test_precision_and_recall_equal_scikit_learn(pairs):
    labels, scores = np.array(pairs).T
    precision, recall, _ = sk.precision_recall_curve(labels, scores)
    found = precision_recall_curve(labels, scores)
    np.testing.assert_allclose(found[0], recall[::-1][1:], atol=1e-12)
    np.testing.assert_allclose(found[1], precision[::-1][1:], atol=1e-12)


def test_reliability_equals_scikit_learn():
    rng = np.random.default_rng(0)
    stated = rng.random(500)
    labels = rng.random(500) < stated**2
    observed, mean = calibration_curve(labels, stated, n_bins=10)
    found = reliability(labels, stated)
    np.testing.assert_allclose(found.observed, observed)
    np.testing.assert_allclose(found.stated, mean)
    assert found.pairs.sum() == 500


def test_unusable_input():
    with pytest.raises(DataError, match="all the same"):
        roc_curve([1, 1], [0.1, 0.2])
    with pytest.raises(DataError, match="there is none"):
        precision_recall_curve([0, 0], [0.1, 0.2])
    with pytest.raises(DataError, match="0 to 1"):
        reliability([0, 1], [0.5, 2])
    with pytest.raises(ConfigError, match="bins"):
        reliability([0, 1], [0.5, 1], bins=0)
