import numpy as np
import pytest

from product_matching.errors import ConfigError, DataError
from product_matching.recommendation import Aims, diversify, weigh, within_quotas


def test_aims_are_added_to_scaled_scores():
    aims = Aims(freshness=0.5, half_life=10, margin=2.0, least_stock=3)
    found = weigh(
        [2.0, 4.0, 3.0, 2.5], aims, ages=[0, 10, 20, np.nan], margins=[0, 0.1, np.nan, 0.2], stock=[9, 3, 4, 2]
    )
    assert found.tolist() == [0 + 0.5, 1 + 0.25 + 0.2, 0.5 + 0.125, -np.inf]


def test_equal_scores_leave_the_aims_alone():
    assert weigh([1.0, 1.0], Aims(margin=1.0), margins=[0.1, 0.3]).tolist() == [0.1, 0.3]


def naive_mmr(scores, vectors, k, balance):
    scaled = (scores - scores.min()) / (scores.max() - scores.min())
    taken = []
    while len(taken) < k:
        rest = [place for place in range(len(scores)) if place not in taken]
        values = []
        for place in rest:
            cosines = [
                vectors[place] @ vectors[t] / np.linalg.norm(vectors[place]) / np.linalg.norm(vectors[t]) for t in taken
            ]
            values.append(balance * scaled[place] - (1 - balance) * max(cosines, default=0.0))
        taken.append(rest[int(np.argmax(values))])
    return taken


@pytest.mark.parametrize("balance", [0.0, 0.3, 0.7, 1.0])
def test_mmr_is_its_definition(balance):
    random = np.random.default_rng(0)
    scores, vectors = random.random(15), random.normal(size=(15, 4))
    assert diversify(scores, vectors, k=8, balance=balance).tolist() == naive_mmr(scores, vectors, 8, balance)


def test_mmr_prefers_another_kind_and_never_takes_what_is_barred():
    vectors = np.array([[1, 0], [1, 0.01], [0, 1], [0, 1.0]])
    assert diversify([1.0, 0.95, 0.5, -np.inf], vectors, k=4, balance=0.5).tolist() == [0, 2, 1]


def test_quotas_hold_for_the_first_places_and_fill_up_what_is_left():
    categories = ["a", "a", "a", "b", "a", "c"]
    assert within_quotas(categories, 1, k=3).tolist() == [0, 3, 5, 1, 2, 4]
    assert within_quotas(categories, {"a": 2}, k=4).tolist() == [0, 1, 3, 5, 2, 4]
    assert within_quotas(["a", "a"], 1, k=2).tolist() == [0, 1]


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="half_life"):
        Aims(half_life=0)
    with pytest.raises(ConfigError, match="balance"):
        diversify([1.0], np.ones((1, 2)), k=1, balance=2)
    with pytest.raises(DataError, match="ages must have the shape"):
        weigh([1.0, 2.0], Aims(), ages=[1.0])
