import json

import pytest

from product_matching.errors import DataError
from product_matching.recommendation import Rule, apply_rules, load_rules

LIST = ["a", "b", "c", "d", "e"]


def test_each_action():
    assert apply_rules(LIST, [Rule("bury", ("a", "c"))]) == ["b", "d", "e", "a", "c"]
    assert apply_rules(LIST, [Rule("block", ("b",))]) == ["a", "c", "d", "e"]
    assert apply_rules(LIST, [Rule("pin", ("z", "d"))]) == ["z", "d", "a", "b", "c", "e"]
    assert apply_rules(LIST, [Rule("pin", ("z",), position=3)]) == ["a", "b", "z", "c", "d", "e"]


def test_goes_with_needs_the_other_in_the_history():
    rules = [Rule("goes-with", ("d",), because=("lamp",))]
    assert apply_rules(LIST, rules) == LIST
    assert apply_rules(LIST, rules, history=["lamp"]) == ["d", "a", "b", "c", "e"]


def test_blocking_wins_over_everything():
    rules = [Rule("block", ("d",)), Rule("pin", ("d",))]
    assert apply_rules(LIST, rules) == ["a", "b", "c", "e"]


def test_rules_by_attribute():
    attributes = {"a": {"brand": "雅克"}, "b": {"brand": "Acme"}, "d": {"brand": "雅克"}}
    assert apply_rules(LIST, [Rule("bury", where={"brand": "雅克"})], attributes=attributes) == [
        "b",
        "c",
        "e",
        "a",
        "d",
    ]


def test_rules_are_read_from_json(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text(
        json.dumps([{"action": "pin", "products": ["z"], "position": 2}, {"action": "block", "where": {"x": "1"}}])
    )
    assert load_rules(path) == [Rule("pin", ("z",), position=2), Rule("block", where={"x": "1"})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "must hold a list"),
        ("[", "cannot be read"),
        ('[{"products": ["a"]}]', "rule 1: it must be an object with an action"),
        ('[{"action": "pinn", "products": ["a"]}]', "Did you mean 'pin'"),
        ('[{"action": "pin", "product": ["a"]}]', "Did you mean 'products'"),
        ('[{"action": "bury"}]', "names neither products nor attributes"),
        ('[{"action": "pin", "where": {"brand": "Acme"}}]', "names its products"),
        ('[{"action": "goes-with", "products": ["a"]}]', "because"),
    ],
)
def test_mistakes_are_named_with_the_rule(text, expected, tmp_path):
    path = tmp_path / "rules.json"
    path.write_text(text)
    with pytest.raises(DataError, match=expected):
        load_rules(path)
