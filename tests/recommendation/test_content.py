import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from product_matching.errors import ConfigError, DataError
from product_matching.recommendation import Content, Interactions, ProductFeatures

HISTORY = ["p3", "p0", "p7"]


@pytest.fixture(scope="module")
def shop():
    vectors = np.random.default_rng(0).normal(size=(9, 4))
    vectors[8] = 0
    ids = [f"p{place}" for place in range(9)]
    return Interactions.from_arrays(["a"], ["p1"]), ProductFeatures.of(ids, vectors), vectors


def scores(model, shop):
    ids, values = model.fit(*shop[:2]).recommend(histories=[HISTORY], k=9, exclude_seen=False)
    return values[0][np.argsort(ids[0])]


@pytest.mark.parametrize(("profile", "weights"), [("mean", [1, 1, 1]), ("decayed", [0.25, 0.5, 1])])
def test_profiles_are_weighted_sums(profile, weights, shop):
    vectors = shop[2] / np.maximum(np.linalg.norm(shop[2], axis=1, keepdims=True), 1e-9)
    profile_vector = np.array(weights) @ vectors[[3, 0, 7]]
    expected = cosine_similarity([profile_vector], shop[2])[0]
    expected[8] = -1  # without a vector
    np.testing.assert_allclose(scores(Content(profile=profile, decay=0.5), shop), expected, atol=1e-6)


def test_attention_is_a_softmax_over_the_history(shop):
    cosines = cosine_similarity(shop[2][[3, 0, 7]], shop[2])
    weights = np.exp(5 * cosines) / np.exp(5 * cosines).sum(axis=0)
    expected = (weights * cosines).sum(axis=0)
    expected[8] = -1
    np.testing.assert_allclose(scores(Content(profile="attentive", sharpness=5.0), shop), expected, atol=1e-6)


def test_mistakes_are_named(shop):
    with pytest.raises(ConfigError, match="Did you mean 'decayed'"):
        Content(profile="decay")
    with pytest.raises(DataError, match="unique"):
        ProductFeatures.of(["a", "a"])
    with pytest.raises(DataError, match=r"shape \[2, D\]"):
        ProductFeatures.of(["a", "b"], np.ones((3, 2)))
    with pytest.raises(DataError, match="finite"):
        ProductFeatures.of(["a"], [[np.nan]])
    model = Content().fit(*shop[:2])
    with pytest.raises(DataError, match="have 2 numbers"):
        model.update(shop[0], ProductFeatures.of(["q"], [[1.0, 2.0]]))
