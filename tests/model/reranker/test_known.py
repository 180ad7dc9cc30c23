import numpy as np

from product_matching.model.reranker import KnownMatches

A, B, C = ({"title": name} for name in ("a", "b", "红"))


def test_a_match_with_another_product_is_known_and_none_is_evidence_about_itself():
    known = KnownMatches()
    known.learn([A, A, B], [B, C, C], [1, 0, 0])
    # (left, right): a = b is known, so a has a match other than 红, and b, on the right, one other than 红
    np.testing.assert_array_equal(known([A, A, C, C], [B, C, B, C]), [[0, 0], [1, 0], [0, 1], [0, 0]])


def test_config_makes_the_same_one_and_holds_no_text():
    known = KnownMatches()
    known.learn([A, B], [C, C], [1, 1])
    again = KnownMatches(known.get_config())
    np.testing.assert_array_equal(again([A, A], [C, B]), known([A, A], [C, B]))
    assert "红" not in str(known.get_config())
