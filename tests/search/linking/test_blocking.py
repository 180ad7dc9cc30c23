import numpy as np
import pytest

from product_matching.model.reranker.weights import WordWeights
from product_matching.model.reranker.words import parse
from product_matching.search.linking.blocking import by_vectors, by_words

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
