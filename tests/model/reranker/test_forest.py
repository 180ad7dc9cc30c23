import lightgbm
import numpy as np
import pytest

from product_matching.model.reranker.forest import GROWING, Forest


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 6)).round(1).astype(np.float32)
    return features, (features[:, 0] * features[:, 1] + features[:, 2] > 0).astype(int)


def test_it_says_what_lightgbm_says(rows):
    features, labels = rows
    forest, hidden = Forest(2, trees=12), np.zeros((300, 2), bool)
    hidden[:100, 0] = True
    forest.grow(features, labels, hidden, seed=3)
    for member in range(2):
        seen = ~hidden[:, member]
        booster = lightgbm.train(
            {**GROWING, "seed": 3 + member}, lightgbm.Dataset(features[seen], labels[seen]), num_boost_round=12
        )
        expected = booster.predict(features, raw_score=True)
        assert np.ptp(expected) > 1
        np.testing.assert_allclose(np.asarray(forest(features))[:, member], expected, atol=1e-5)


def test_before_it_grows_it_says_nothing(rows):
    np.testing.assert_array_equal(np.asarray(Forest(3, trees=4)(rows[0])), np.zeros((300, 3)))
