import numpy as np
from sklearn.feature_selection import chi2

from product_matching.model.reranker import telling
from product_matching.model.reranker.telling import TellingWords


def test_words_on_one_side_only_by_hand():
    words = TellingWords(["upgrade", "红", "red", "3"], ["price"])
    left = [{"title": "Office upgrade", "price": "3"}, {"title": "red 3"}, {"title": "红 red"}]
    right = [{"title": "office", "price": "4"}, {"title": "red"}, {}]
    np.testing.assert_array_equal(words(left, right), [[1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 1, 0]])
    assert words.names[0] == "one_side.upgrade"


def test_those_that_tell_most_are_learned(monkeypatch):
    rng, words = np.random.default_rng(0), ["upgrade", "mac", "the", "of"]
    labels = (rng.random(400) < 0.3).astype(int)
    chance = np.where(labels[:, None] == 1, [0.02, 0.2, 0.3, 0.4], [0.5, 0.45, 0.3, 0.4])
    present = rng.random(chance.shape) < chance
    left = [{"title": " ".join(w for w, there in zip(words, row, strict=True) if there)} for row in present]
    monkeypatch.setattr(telling, "MOST", 2)
    found = TellingWords.learn(left, [{"title": "rare"}] * 400, labels)
    # sklearn's χ² over the same table; "rare" is one-sided in every pair and tells nothing
    assert np.argsort(-chi2(present, labels)[0])[:2].tolist() == [0, 1]
    assert found.words == ["upgrade", "mac"]


def test_a_rare_word_is_not_learned():
    assert TellingWords.learn([{"a": "x"}] * 14, [{"a": "y"}] * 14, [0, 1] * 7).words == []
