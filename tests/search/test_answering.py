import math

import numpy as np
import pandas as pd
import pytest

from product_matching.bundle import Head
from product_matching.errors import ConfigError, DataError
from product_matching.search import Options, Part, ProductIndex, Query, Question, answer, find, parse_filter
from product_matching.search.diversity import marginal_order

# Five products on a quarter circle: their cosines with the first are 1, .98, .9, .5 and 0.
COSINES = np.array([1.0, 0.98, 0.9, 0.5, 0.0])
CIRCLE = np.stack([COSINES, np.sqrt(1 - COSINES**2)], axis=1).astype(np.float32)
TABLE = pd.DataFrame(
    {
        "product_id": list("abcde"),
        "title": ["red mug", "red mug", "blue mug", "red plate", "茶杯"],
        "family": ["f1", "f1", "f2", None, None],
        "colour": ["red", "red|white", "blue", "red", None],
        "price": [1.0, 2.0, 3.0, 4.0, np.nan],
    }
)
QUERY = np.array([1.0, 0.0], np.float32)


@pytest.fixture(scope="module")
def parts():
    return [Part(ProductIndex.build(CIRCLE, TABLE))]


def ids(found):
    return [hit.product_id for hit in found.hits]


def test_pages_are_slices_of_one_order_whatever_is_asked(vectors, queries, shop_table):
    index = ProductIndex.build(vectors, shop_table(len(vectors)), backend="exact")
    for more in (
        {},
        {"text": "鞋 17"},
        {"diversity": 0.6},
        {"group_by": "colour"},
        {"least_cosine": 0.4, "only_matches": True},
    ):
        for conditions in ([], [parse_filter("price<400")]):
            whole = answer([Part(index, conditions)], Question(queries[0], k=3000, **more))
            for size in (7, 90):
                pages = [
                    answer([Part(index, conditions)], Question(queries[0], k=size, offset=at, **more)).hits
                    for at in range(0, 270, size)
                ]
                flat = [hit for page in pages for hit in page]
                assert flat == whole.hits[: len(flat)]
                assert [hit.rank for hit in flat] == list(range(1, len(flat) + 1))
            assert len(set(ids(whole))) == len(ids(whole))


def test_the_last_page_is_short_and_what_follows_it_is_empty(parts):
    assert ids(answer(parts, Question(QUERY, k=3, offset=3))) == ["d", "e"]
    assert ids(answer(parts, Question(QUERY, k=3, offset=5))) == []
    assert ids(answer(parts, Question(QUERY, k=3, offset=500))) == []


def test_a_group_shows_its_best_product_and_names_the_others(parts):
    found = answer(parts, Question(QUERY, group_by="family"))
    assert ids(found) == ["a", "c", "d", "e"]
    assert [hit.variants for hit in found.hits] == [("b",), (), (), ()]
    filtered = answer([Part(parts[0].index, [parse_filter("price<2")])], Question(QUERY, group_by="family"))
    assert [(hit.product_id, hit.variants) for hit in filtered.hits] == [("a", ())]


def test_diversity_counted_by_hand():
    # At .6 b has .392 - .588 = -.196, c .36 - .54, d .2 - .3 = -.1, e 0: the least alike leads.
    assert marginal_order(COSINES, CIRCLE, 0.6)[:2].tolist() == [0, 4]
    assert marginal_order(COSINES, CIRCLE, 0.0).tolist() == [0, 1, 2, 3, 4]
    # By difference alone: e is the farthest from a; then the one whose nearest of the two is farthest, d (.87 from e).
    assert marginal_order(COSINES, CIRCLE, 1.0)[:3].tolist() == [0, 4, 3]


def test_diversity_against_a_plain_double_loop():
    generator = np.random.default_rng(3)
    rows = generator.normal(size=(40, 6))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    relevance = generator.uniform(size=40)
    chosen = [int(relevance.argmax())]
    while len(chosen) < 40:
        rest = [row for row in range(40) if row not in chosen]
        chosen.append(max(rest, key=lambda row: 0.3 * relevance[row] - 0.7 * max(rows[row] @ rows[c] for c in chosen)))
    assert marginal_order(relevance, rows, 0.7).tolist() == chosen


def test_facets_count_what_matches_and_ignore_their_own_filter(parts):
    question = Question(QUERY, facets=("colour", "price"), least_cosine=0.4)
    found = answer(parts, question)
    assert found.total == 4
    assert found.facets[0].values == {"red": 3, "blue": 1, "white": 1}
    assert (found.facets[1].minimum, found.facets[1].maximum) == (1.0, 4.0)
    filtered = answer([Part(parts[0].index, [parse_filter("colour=blue")])], question)
    assert filtered.total == 1
    assert filtered.facets[0].values == {"red": 3, "blue": 1, "white": 1}
    assert (filtered.facets[1].minimum, filtered.facets[1].maximum) == (3.0, 3.0)


def test_all_facets_leave_out_what_narrows_nothing_down(parts):
    found = answer(parts, Question(QUERY, facets=("all",)))
    assert [facet.attribute for facet in found.facets] == ["family", "colour", "price"]


def test_what_is_no_match_is_left_out_unless_its_words_agree(parts):
    near = Question(QUERY, least_cosine=0.95, only_matches=True)
    assert ids(answer(parts, near)) == ["a", "b"]
    plate = Question(QUERY, "plate", least_cosine=0.95, only_matches=True)
    assert sorted(ids(answer(parts, plate))) == ["a", "b", "d"]
    far = answer(parts, Question(-QUERY, least_cosine=0.5))
    assert not far.matched
    assert len(far.hits) == 5
    assert answer(parts, near).matched


def test_two_parts_answer_as_one():
    whole = [Part(ProductIndex.build(CIRCLE, TABLE))]
    halves = [Part(ProductIndex.build(CIRCLE[rows], TABLE.iloc[rows])) for rows in ([0, 2], [1, 3, 4])]
    question = Question(QUERY, group_by="family", facets=("colour",), least_cosine=0.4)
    one, two = answer(whole, question), answer(halves, question)
    assert (one.hits, one.total, one.facets) == (two.hits, two.total, two.facets)


def test_unusable_questions(parts):
    for wrong in ({"k": 0}, {"offset": -1}, {"diversity": 1.5}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            Question(QUERY, **wrong)
    for wrong in ({"group_by": "familie"}, {"facets": ("color",)}):
        with pytest.raises(DataError, match="Did you mean"):
            answer(parts, Question(QUERY, **wrong))
    for wrong in ({"image_weight": 2}, {"min_probability": "much"}, {"min_probability": -0.1}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            Options(**wrong)


def test_the_least_probability_is_a_cosine(parts):
    head = Head(10.0, -5.0, 1.3, 0.2, 0.5)
    for probability in (0.01, 0.4, 0.9):
        cosine = head.cosine_at(probability, 0.0)
        assert head.probability(head.score(cosine)) == pytest.approx(probability, abs=2e-3)
    assert head.cosine_at(0.0, 0.0) == -math.inf
    assert head.cosine_at(1.0, 0.0) == math.inf
    curved = Head(10.0, -5.0, 1.3, 0.2, 0.5, curve={"scores": [-5.0, 5.0], "probabilities": [0.0, 1.0]})
    assert curved.cosine_at(0.75, 0.0) == pytest.approx(0.75, abs=1e-3)
    index = parts[0].index
    index.least_probability = {"text": 0.5}  # a cosine of .485
    page = find(parts, head, Query(-QUERY, modes=("text",)), Options())
    assert page.nothing_matches
    assert len(page.results) == 5
    assert not find(parts, head, Query(QUERY, modes=("text",)), Options()).nothing_matches
    assert not find(parts, head, Query(-QUERY), Options()).nothing_matches
    kept = find(parts, head, Query(QUERY, modes=("text",)), Options(min_probability="auto")).results
    assert [result.product_id for result in kept] == list("abcd")


def test_words_that_no_product_has_must_be_more_probable_than_nonsense(parts):
    head = Head(10.0, -5.0, 1.3, 0.2, 0.5)
    index = parts[0].index
    index.least_probability = {"text": 0.5, "unknown words": 0.999}  # the best has .9987
    for text, modes, nothing in (
        ("zzyzx", ("text",), True),
        ("zzyzx red", ("text",), False),
        ("", ("text",), False),  # words were left out
        ("zzyzx", ("text", "image"), False),
    ):
        assert find(parts, head, Query(QUERY, text, modes=modes), Options()).nothing_matches == nothing, text
    index.least_probability["unknown words"] = 0.99
    assert not find(parts, head, Query(QUERY, "zzyzx", modes=("text",)), Options()).nothing_matches
