"""Near duplicate texts against Jaccard similarities counted over all pairs."""

from itertools import combinations

import numpy as np
import pytest

from product_matching.dataset.near_texts import THRESHOLD, alike_texts
from product_matching.dataset.splitting import normalise_title

LONG = "A light summer dress of soft cotton with short sleeves and two pockets for every day in town"
CHINESE = (
    "红色跑鞋轻便透气适合夏天每天在城里穿着走路的男女老少都喜欢的鞋"
    + "，鞋底防滑耐磨，鞋面可以水洗，经久耐用，送礼自用两相宜"
)


@pytest.mark.parametrize(
    ("left", "right", "exact", "near"),
    [
        ("Red  MUG, 350ml!", "red mug 350ML", True, True),
        ("ＲＥＤ　mug", "red mug", True, True),
        (LONG, LONG.replace("summer", "sumer"), False, True),
        (LONG + " 38", LONG + " 39", False, False),  # another size is another product
        (CHINESE, CHINESE.replace("城里", "市里"), False, True),
        (CHINESE, CHINESE.replace("夏天", "冬天").replace("红色", "蓝色"), False, False),
        ("red mug", "blue mug", False, False),
        ("", "", False, False),
        ("a", "a", True, True),
        ("a", "b", False, False),
    ],
)  # fmt: skip
def test_pairs(left, right, exact, near):
    same, alike = alike_texts([left, right, "something else entirely"])
    assert (same[0] == same[1]) == exact
    assert (alike[0] == alike[1]) == near
    assert same[2] not in same[:2]


def test_the_parts_of_a_text_count_together():
    same, _ = alike_texts(["red", "red mug", "red"], ["mug", "", "cup"])
    assert same[0] == same[1] != same[2]


def jaccard(left, right):
    sets = []
    for text in (left, right):
        padded = f" {normalise_title(text)} "
        sets.append({padded[i : i + 3] for i in range(len(padded) - 2)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_no_near_pair_is_missed_and_none_is_made_up():
    rng = np.random.default_rng(0)
    words = [f"{a}{b}" for a in ("sol", "mar", "ter", "pin", "gan") for b in ("ed", "on", "ish", "a", "um")]
    texts = []
    for _ in range(60):
        text = " ".join(rng.choice(words, 12))
        copy = list(text)
        for place in rng.choice(len(text), rng.integers(0, 3), replace=False):
            copy[place] = "x"
        texts += [text, "".join(copy)]
    parent = list(range(len(texts)))

    def root(i):
        return i if parent[i] == i else root(parent[i])

    for i, j in combinations(range(len(texts)), 2):
        if jaccard(texts[i], texts[j]) >= THRESHOLD:
            parent[root(i)] = root(j)
    expected = [root(i) for i in range(len(texts))]
    _, found = alike_texts(texts)
    assert 60 < len(set(expected)) < 110
    assert len(set(zip(found, expected, strict=True))) == len(set(found)) == len(set(expected))


def test_chunks_change_nothing(monkeypatch):
    texts = [LONG, "red mug", LONG.replace("soft", "sofft"), "", "red mug"] * 3
    whole = alike_texts(texts)
    monkeypatch.setattr("product_matching.dataset.near_texts._CHUNK", 4)
    for a, b in zip(whole, alike_texts(texts), strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_texts_make_no_sets():
    assert [len(labels) for labels in alike_texts([])] == [0, 0]
