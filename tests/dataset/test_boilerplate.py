from product_matching.dataset import Catalog

RETURNS = "Free returns within 30 days."
STORY = "本店成立于1998年，专注好鞋。"


def shop(rows):
    return Catalog.from_records([{"product_id": str(i), "title": "mug", **row} for i, row in enumerate(rows)])


def test_sentences_that_a_brand_repeats_are_found():
    rows = [{"brand": "A", "description": f"Mug number {i}. {RETURNS}"} for i in range(30)]
    rows += [{"brand": "B", "description": f"第{i}双鞋。{STORY}轻便。"} for i in range(30)]
    rows += [
        {"brand": "C", "description": f"Cup number {i}. " + ("Made of oak wood." if i < 5 else "")} for i in range(30)
    ]
    assert shop(rows).boilerplate(0.5) == [RETURNS, STORY.replace("，", ",")]  # as cleaning leaves it
    assert shop(rows).boilerplate(0.5, compatibility=False) == [RETURNS, STORY]


def test_a_share_of_the_brand_counts_and_not_of_the_catalogue():
    rows = [{"brand": "A", "description": RETURNS + f" Mug {i}."} for i in range(25)]
    rows += [{"brand": "B", "description": f"A cup that holds {i} ml."} for i in range(500)]
    assert shop(rows).boilerplate(0.5) == [RETURNS]
    rows = [{key: value for key, value in row.items() if key != "brand"} for row in rows]
    assert shop(rows).boilerplate(0.5) == []


def test_few_rows_or_few_letters_are_no_boilerplate():
    assert shop([{"brand": "A", "description": RETURNS}] * 19).boilerplate(0.1) == []
    assert shop([{"brand": "A", "description": "Very light."}] * 40).boilerplate(0.1) == []


def test_cleaning_comes_first():
    rows = [{"description": "<p>Free returns   within 30 days.</p>"}, {"description": RETURNS}] * 15
    assert shop(rows).boilerplate(0.9) == [RETURNS]
