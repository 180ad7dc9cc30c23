import numpy as np
import pytest

from product_matching.model.reranker.weights import WordWeights
from product_matching.model.reranker.words import parse
from product_matching.search.linking.blocking import blended, by_vectors, by_words

LEFT = ["sony player dvp-ns700h", "red mug", "红色跑鞋", "nothing alike"]
RIGHT = ["dvpns700h", "a red cup", "跑鞋", "blue player", "red red red mug"]


@pytest.mark.parametrize("k", [1, 2, 5])
def test_it_is_the_naive_double_loop(k):
    weights = WordWeights.learn([*LEFT, *RIGHT])

    def vector(text):
        return {word: weights.idf(word) for word in parse(text).counts.keys() | parse(text).codes}

    def cosine(a, b):
        a, b = vector(a), vector(b)
        norm = np.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
        return sum(a[word] * b[word] for word in a.keys() & b.keys()) / norm

    table = np.array([[cosine(a, b) for b in RIGHT] for a in LEFT])
    expected = set()
    for side, matrix in (("left", table), ("right", table.T)):
        for row, line in enumerate(matrix):
            for other in np.argsort(-line, kind="stable")[:k]:
                if line[other] > 0:
                    expected.add((row, other) if side == "left" else (other, row))
    assert set(map(tuple, by_words(LEFT, RIGHT, k=k).tolist())) == expected


def test_a_rare_model_number_finds_its_product():
    assert [0, 0] in by_words(LEFT, RIGHT, k=1).tolist()


def test_a_text_without_a_common_word_is_in_no_pair():
    assert 3 not in by_words(LEFT, RIGHT, k=5)[:, 0]
    assert by_words(["a"], ["b"], k=3).shape == (0, 2)
    assert by_words([""], ["b"], k=3).shape == (0, 2)


def test_vectors_find_their_nearest():
    left, right = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[[2, 0]]
    assert by_vectors(left, right, k=1).tolist()[0] == [0, 1]
    assert [2, 0] in by_vectors(left, right, k=1).tolist()
    assert len(by_vectors(left, right, k=9)) == 6


def test_vectors_are_looked_for_from_both_sides():
    left, right = unit([[1, 0], [0.9, 0.4]]), unit([[1, 0.1], [0, 1]])
    # The nearest of both left ones is the first right one; the second right one comes in by its own nearest.
    assert by_vectors(left, right, k=1).tolist() == [[0, 0], [1, 0], [1, 1]]


def test_blended_vectors_are_the_naive_loop():
    vectors = unit(np.random.default_rng(0).normal(size=(40, 6)))
    cosines = vectors @ vectors.T
    expected = []
    for row, line in enumerate(cosines):
        near = [other for other in np.argsort(-line) if other != row][:3]
        total = vectors[row] + sum(max(line[other], 0) ** 2 * vectors[other] for other in near)
        expected.append(total / np.linalg.norm(total))
    np.testing.assert_allclose(blended(vectors, 3, power=2.0), expected, atol=1e-6)


def test_blending_leaves_alone_what_has_nothing_near():
    np.testing.assert_array_equal(blended(np.eye(3, dtype=np.float32), 1), np.eye(3))
    nothing = np.zeros((2, 3), np.float32)
    np.testing.assert_array_equal(blended(nothing, 1), nothing)
    assert len(blended(np.ones((1, 3), np.float32), 5)) == 1


def test_a_third_listing_between_two_brings_them_together():
    # Of the right ones, the one at 48 degrees has a nearer left one than that at 0, and what is at 25 lies between.
    left, right = ([[np.cos(a), np.sin(a)] for a in np.radians(angles)] for angles in ([0, 80], [-30, 48, 25]))
    once, twice = (by_vectors(unit(left), unit(right), k=1, blend=blend).tolist() for blend in (0, 1))
    assert [0, 1] not in once
    assert [0, 1] in twice
    assert all(pair in twice for pair in once)


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
