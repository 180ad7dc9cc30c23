"""Two rankings in one list: whose results are taken shows which is better, with far fewer users than a split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from product_matching.errors import DataError


class Interleaved(NamedTuple):
    """A list of two rankings.

    Attributes:
        products: Best first.
        teams: `"A"` or `"B"` for each: whose choice it was.
    """

    products: list[str]
    teams: list[str]


def team_draft(a: Sequence[str], b: Sequence[str], *, k: int, seed: int = 0) -> Interleaved:
    """Fills a list of k as two captains choose teams (Radlinski, Kurup and Joachims, 2008).

    The side with fewer choices goes next, a toss where they have as many; it takes its best product that is not in yet.

    Args:
        a, b: Rankings, best first.
        k: How many products to show.
        seed: Of the tosses: another one for each query.
    """
    rng, shown = np.random.default_rng(seed), Interleaved([], [])
    queues = {"A": list(dict.fromkeys(a)), "B": list(dict.fromkeys(b))}
    taken: set[str] = set()
    while len(shown.products) < k:
        counts = {team: shown.teams.count(team) for team in queues}
        left = {team: [product for product in queue if product not in taken] for team, queue in queues.items()}
        able = [team for team in left if left[team]]
        if not able:
            break
        fewest = [team for team in able if counts[team] == min(counts[one] for one in able)]
        team = fewest[int(rng.integers(len(fewest)))]
        shown.products.append(left[team][0])
        shown.teams.append(team)
        taken.add(left[team][0])
    return shown


def team_draft_test(clicks: Sequence[tuple[int, int]]) -> dict[str, float | int]:
    """Which ranking wins more queries (sign test).

    Args:
        clicks: For each query, how many clicks went to products of A and of B.

    Returns:
        `wins_a`, `wins_b`, `ties`; `preference_b` (wins of B and half the ties, of all); `p`, two-sided.

    Raises:
        DataError: If there is no query.
    """
    if not len(clicks):
        raise DataError("There is no query to judge by.")
    apart = np.array([b - a for a, b in clicks])
    first, second = int((apart < 0).sum()), int((apart > 0).sum())
    p = float(stats.binomtest(second, first + second).pvalue) if first + second else 1.0
    share = (second + (apart == 0).sum() / 2) / len(apart)
    return {
        "wins_a": first,
        "wins_b": second,
        "ties": len(apart) - first - second,
        "preference_b": float(share),
        "p": p,
    }
