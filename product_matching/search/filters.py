"""Conditions on the attributes of products: `colour=red`, `price<20`, `size=38|39`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from product_matching.errors import DataError, unknown_name

Operator = Literal["=", "!=", "<", "<=", ">", ">=", ".."]
SEPARATOR = "|"
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EXAMPLES = "Write for example colour=red, colour!=red, size=38|39, price>=10 or price=10..20."
_CONDITION = re.compile(r"\s*([^<>=!]*[^<>=!\s])\s*(!=|<=|>=|=|<|>)\s*([^<>=\s](?:.*\S)?)\s*", re.DOTALL)
_RANGE = re.compile(r"(.*?)\.\.(.*)")


@dataclass(frozen=True)
class Filter:
    """One condition on one attribute.

    Attributes:
        attribute: Name of the column.
        operator: `"="` (any of the values), `"!="` (none of them), a comparison with a number, or `".."`
            (from the first value to the second, both included).
        values: What to compare with, as written. Text is compared without regard to case, numbers as numbers.
    """

    attribute: str
    operator: Operator
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise DataError(f"The filter on {self.attribute!r} has no value. {EXAMPLES}")
        if self.operator in ("=", "!="):
            return
        wanted = 2 if self.operator == ".." else 1
        if len(self.values) != wanted or any(_number(value) is None for value in self.values):
            shown = SEPARATOR.join(self.values)
            raise DataError(f"The filter on {self.attribute!r} compares with {shown!r}, which is no number. {EXAMPLES}")

    def accepts(self, cell: object) -> bool:
        """Whether one cell meets the condition; of several values in it, separated by `|`, one is enough.

        A missing cell meets only `!=`, which is the exact contrary of `=`.
        """
        values = _values(cell)
        if self.operator in ("=", "!="):
            return any(_key(value) in self._keys for value in values) == (self.operator == "=")
        return any(self._holds(number) for value in values if (number := _number(value)) is not None)

    def _holds(self, number: float) -> bool:
        low, high = self._bounds
        if self.operator == "..":
            return low <= number <= high
        return COMPARISONS[self.operator](number, low)

    @cached_property
    def _keys(self) -> frozenset[float | str]:
        return frozenset(_key(value) for value in self.values)

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        return float(self.values[0]), float(self.values[-1])


def parse_filter(text: str) -> Filter:
    """Reads one condition as written on the command line.

    Raises:
        DataError: If it is not a name, an operator and a value, or compares with what is no number.

    >>> parse_filter("price=10..20")
    Filter(attribute='price', operator='..', values=('10', '20'))
    >>> parse_filter("colour=red|blue").values
    ('red', 'blue')
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise DataError(f"The filter {text!r} is not NAME, operator, VALUE. {EXAMPLES}")
    name, sign, value = match.groups()
    ends = _RANGE.fullmatch(value)
    if sign == "=" and ends and all(_number(end) is not None for end in ends.groups()):
        return Filter(name, "..", (ends[1].strip(), ends[2].strip()))
    if sign in COMPARISONS:
        return Filter(name, sign, (value,))
    return Filter(name, sign, tuple(part.strip() for part in value.split(SEPARATOR) if part.strip()))


def mask(filters: Iterable[Filter], attributes: pd.DataFrame) -> np.ndarray:
    """Tells which rows meet all conditions.

    Args:
        filters: The conditions; none accepts every row.
        attributes: N rows, a column an attribute.

    Returns:
        bool `[N]`.

    Raises:
        DataError: If an attribute is not a column.
    """
    accepted = np.ones(len(attributes), dtype=bool)
    for condition in filters:
        if condition.attribute not in attributes.columns:
            raise DataError(unknown_name("attribute", condition.attribute, map(str, attributes.columns)))
        accepted &= _accepted(condition, attributes[condition.attribute])
    return accepted


def _accepted(condition: Filter, column: pd.Series) -> np.ndarray:
    try:
        # A condition looks at each distinct value once: catalogues have few colours and many products.
        codes, distinct = pd.factorize(column)
    except TypeError:  # cells that are lists
        return np.array([condition.accepts(cell) for cell in column], dtype=bool)
    verdicts = [condition.accepts(value) for value in distinct]
    # A missing cell has the code -1, which is the last entry.
    return np.array([*verdicts, condition.accepts(None)], dtype=bool)[codes]


def _values(cell: object) -> Sequence[object]:
    if isinstance(cell, str):
        return cell.split(SEPARATOR)
    if isinstance(cell, (list, tuple, set, np.ndarray)):
        return list(cell)
    return [] if cell is None or pd.isna(cell) else [cell]


def _key(value: object) -> float | str:
    number = _number(value)
    return str(value).strip().casefold() if number is None else number


def _number(value: object) -> float | None:
    if isinstance(value, (bool, np.bool_)):  # True is a word here, not 1
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
