import numpy as np
import pytest
from scipy import stats

from product_matching.errors import DataError
from product_matching.eval.ab import team_draft, team_draft_test


def test_two_lists_become_one_without_doubles():
    found = team_draft(["鞋", "b", "c", "d"], ["b", "鞋", "x", "y"], k=5, seed=3)
    assert len(set(found.products)) == 5
    assert abs(found.teams.count("A") - found.teams.count("B")) <= 1
    # The first of each round is a toss, the second is the other's.
    assert {found.teams[0], found.teams[1]} == {found.teams[2], found.teams[3]} == {"A", "B"}


def test_what_is_short_ends_early():
    assert team_draft(["a"], ["a"], k=5).products == ["a"]
    found = team_draft(["a", "b", "c"], [], k=5)
    assert (found.products, found.teams) == (["a", "b", "c"], ["A", "A", "A"])


def test_the_same_ranking_twice_wins_as_often_as_it_loses():
    firsts = [team_draft(list("abcd"), list("abcd"), k=4, seed=seed).teams[0] for seed in range(1000)]
    assert stats.binomtest(firsts.count("A"), 1000).pvalue > 0.001


def test_the_better_ranking_wins():
    rng, clicks = np.random.default_rng(0), []
    for seed in range(200):
        good, bad = list("wxyz"), list("abcw")
        shown = team_draft(good, bad, k=4, seed=seed)
        taken = [team for product, team in zip(*shown, strict=True) if rng.random() < (0.6 if product in "wx" else 0.1)]
        clicks.append((taken.count("A"), taken.count("B")))
    found = team_draft_test(clicks)
    assert found["wins_a"] + found["wins_b"] + found["ties"] == 200
    assert found["preference_b"] < 0.5
    assert found["p"] < 0.001
    assert team_draft_test([(1, 1)])["p"] == 1.0
    with pytest.raises(DataError, match="no query"):
        team_draft_test([])
