"""Business rules as data: what stands first, last, never, or with something else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from product_matching.errors import DataError, unknown_name

ACTIONS = ("pin", "bury", "block", "goes-with")


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        action: `pin` puts products first (at `position`), even such as were not in the list; `bury` puts them last;
            `block` strikes them out; `goes-with` puts them first, if they are in the list, for shoppers whose history
            holds one of `because`.
        products: Ids that the rule is about; empty: those that meet `where`.
        where: Attributes that a product must have, all of them: `{"brand": "Acme"}`. Cannot pin: a rule that adds
            products must name them.
        position: Of `pin`, from 1: where the first of the products goes.
        because: Ids of `goes-with`.
    """

    action: Literal["pin", "bury", "block", "goes-with"]
    products: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    position: int = 1
    because: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise DataError(unknown_name("action of a rule", self.action, ACTIONS))
        if not self.products and not self.where:
            raise DataError(f"The rule to {self.action} names neither products nor attributes (where).")
        if self.action == "pin" and (not self.products or self.position < 1):
            raise DataError("A rule that pins names its products and a position from 1.")
        if self.action == "goes-with" and not self.because:
            raise DataError("A goes-with rule names the products it goes with (because).")

    def is_about(self, product_id: str, attributes: Mapping[str, Any]) -> bool:
        """Whether the rule is about a product with these attributes."""
        if self.products:
            return product_id in self.products
        return all(str(attributes.get(name, "")) == str(value) for name, value in self.where.items())


def load_rules(path: str | Path) -> list[Rule]:
    """Reads rules: a JSON list of objects with the fields of `Rule`.

    Raises:
        DataError: If the file cannot be read, or a rule is wrong; the message names the rule's place.
    """
    path = Path(path)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"The rules in {path} cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise DataError(f"{path} must hold a list of rules, not {type(entries).__name__}.")
    return [_rule(entry, f"{path}, rule {place}") for place, entry in enumerate(entries, 1)]


def apply_rules(
    product_ids: Sequence[str],
    rules: Sequence[Rule],
    *,
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    history: Sequence[str] = (),
) -> list[str]:
    """Applies rules to a ranked list, whatever their order: bury, then goes-with, then pin, and block over all.

    Args:
        product_ids: The best first.
        rules: Any number.
        attributes: From id to attributes, for rules with `where`.
        history: What the shopper took.

    Returns:
        The new list.
    """
    known = attributes or {}
    ranked = list(dict.fromkeys(product_ids))

    def chosen(rule: Rule) -> list[str]:
        return [name for name in ranked if rule.is_about(name, known.get(name, {}))]

    for rule in (rule for rule in rules if rule.action == "bury"):
        low = chosen(rule)
        ranked = [name for name in ranked if name not in low] + low
    for rule in (rule for rule in rules if rule.action == "goes-with" and set(rule.because) & set(history)):
        high = chosen(rule)
        ranked = high + [name for name in ranked if name not in high]
    for rule in sorted((rule for rule in rules if rule.action == "pin"), key=lambda rule: rule.position):
        rest = [name for name in ranked if name not in rule.products]
        ranked = [*rest[: rule.position - 1], *rule.products, *rest[rule.position - 1 :]]
    blocked = [rule for rule in rules if rule.action == "block"]
    return [name for name in ranked if not any(rule.is_about(name, known.get(name, {})) for rule in blocked)]


def _rule(entry: Any, where: str) -> Rule:
    if not isinstance(entry, dict) or "action" not in entry:
        raise DataError(f"{where}: it must be an object with an action ({', '.join(ACTIONS)}).")
    names = [column.name for column in fields(Rule)]
    for name in entry:
        if name not in names:
            raise DataError(f"{where}: {unknown_name('field', name, names)}")
    lists = {name: tuple(map(str, entry[name])) for name in ("products", "because") if name in entry}
    try:
        return Rule(**{**entry, **lists})
    except (DataError, TypeError) as error:
        raise DataError(f"{where}: {error}") from error
