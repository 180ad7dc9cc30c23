import math

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from product_matching.model.reranker.weights import WordWeights, dice
from product_matching.model.reranker.words import parse

TEXTS = ["red mug", "red shoe", "blue mug", "blue bottle 红", "red red mug"]


@pytest.fixture(scope="module")
def weights():
    return WordWeights.learn([*TEXTS, "red mug"])  # which comes twice and counts once


def test_idf_by_hand(weights):
    assert weights.documents == 5
    assert weights.frequencies == {"red": 3, "mug": 3, "blue": 2}
    assert weights.idf("red") == pytest.approx(math.log(6 / 4) + 0.1)
    assert weights.idf("shoe") == weights.idf("never seen") == pytest.approx(math.log(6 / 2) + 0.1)


def test_cosine_is_that_of_sklearn(weights):
    vocabulary = sorted({word for text in TEXTS for word in text.split()})
    matrix = np.array([[weights.idf(w) if w in text.split() else 0 for w in vocabulary] for text in TEXTS])
    ours = [[weights.cosine(parse(a), parse(b)) for b in TEXTS] for a in TEXTS]
    np.testing.assert_allclose(ours, cosine_similarity(matrix), atol=1e-12)


def test_shares_by_hand(weights):
    red, shoe = weights.idf("red"), weights.idf("shoe")
    assert weights.share(parse("red shoe"), parse("red mug")) == pytest.approx(red / (red + shoe))
    assert weights.share(parse(""), parse("red")) == 0.0


def test_like_words_count_in_part(weights):
    a, b = parse("colour"), parse("color")
    assert weights.share(a, b) == 0.0
    # co ol lo ou ur and co ol lo or: 2 * 3 / 9
    assert weights.soft_share(a, b) == pytest.approx(6 / 9)
    assert weights.soft_share(parse("cyber"), parse("cybershot")) == 1.0


def test_dice():
    assert dice(frozenset("abc"), frozenset("bcd")) == pytest.approx(4 / 6)
    assert dice(frozenset(), frozenset()) == 0.0
