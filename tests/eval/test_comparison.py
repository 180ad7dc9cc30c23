from dataclasses import replace

import numpy as np
import pytest

from product_matching.dataset import MatchPairs
from product_matching.errors import DataError
from product_matching.eval import Judgement, compare
from product_matching.metrics import RelevantRanks

ROWS = np.arange(200)
PAIRS = MatchPairs(
    np.tile(ROWS, 2), np.concatenate([ROWS, (ROWS + 1) % 200]), np.repeat([1, 0], 200), np.zeros(400, bool)
)


def judgement(wrong, ranks):
    probabilities = np.where(PAIRS.label == 1, 0.9, 0.1)
    probabilities[:wrong] = 0.2
    packed = RelevantRanks.from_lists([[rank] for rank in ranks])
    return Judgement(PAIRS, probabilities, 0.5, ROWS, {"text_to_image": packed}, {"text_to_image": ROWS}, {})


def test_a_clear_difference_and_none():
    ours, theirs = judgement(0, [1, 2] * 100), judgement(30, [2, 1] * 100)
    found = compare(ours, theirs)
    accuracy = found["accuracy"]
    # Thirty of two hundred images had one of two pairs wrong.
    assert (accuracy["this"], accuracy["other"]) == pytest.approx((1.0, 1 - 15 / 200))
    assert accuracy["difference"] == pytest.approx(0.075)
    assert (accuracy["questions"], accuracy["differing"], accuracy["verdict"]) == (200, 30, "better")
    assert accuracy["interval"][0] > 0
    assert accuracy["p_corrected"] >= accuracy["p"]
    assert found["text_to_image mrr"]["difference"] == pytest.approx(0)
    assert found["text_to_image mrr"]["verdict"] == "no difference shown"
    assert found["text_to_image recall@10"]["p"] == 1.0
    assert compare(theirs, ours)["accuracy"]["verdict"] == "worse"


def test_other_questions_are_refused():
    ours = judgement(0, [1] * 200)
    other = replace(PAIRS, text=PAIRS.text[::-1])
    with pytest.raises(DataError, match="the same pairs"):
        compare(ours, replace(ours, pairs=other))
