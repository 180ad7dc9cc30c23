"""Prices that are far from the others."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from product_matching._types import IntArray

LIMIT = 5.0
"""Robust standard deviations, on the logarithm, from which a price is an outlier."""
KIND = 30
"""Products that a kind of goods needs to have a price level of its own."""
_NAME = re.compile(r"price|preis|prix|precio|amount|cost|价|售价", re.IGNORECASE)


def price_column(names: Sequence[str]) -> str:
    """The first column whose name speaks of a price; `""` if none does."""
    return next((name for name in names if _NAME.search(name)), "")


def parse_price(text: str) -> float:
    """Reads a price, whatever the currency and the mark of the decimals; nan where there is none.

    >>> [parse_price(text) for text in ("$1,299.00", "12,99 €", "￥88", "1.299,00")]
    [1299.0, 12.99, 88.0, 1299.0]
    """
    found = re.search(r"-?\d[\d.,' \u00a0]*", text)
    if not found:
        return float("nan")
    digits = re.sub(r"[' \u00a0]", "", found.group()).rstrip(".,")
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return float(digits)
    mark, decimals = digits[last], len(digits) - last - 1
    # Three digits behind the one comma are thousands; behind the one point, too, if more points stand before.
    thousands = digits.count(mark) > 1 or (mark == "," and decimals == 3 and "." not in digits)
    whole = re.sub(r"[.,]", "", digits if thousands else digits[:last])
    return float(whole if thousands else f"{whole}.{digits[last + 1 :]}")


def price_outliers(prices: np.ndarray, kinds: pd.Series) -> IntArray:
    """Finds prices that are not above zero or lie far from their kind's median.

    The distance is |ln p - median| / (1.4826 MAD), the median absolute deviation scaled to the standard deviation of a
    normal distribution (Iglewicz and Hoaglin, 1993); prices spread by factors, hence the logarithm.

    Args:
        prices: float [N], nan where unknown.
        kinds: Kind of goods of each [N]; those with fewer than `KIND` prices are judged together.

    Returns:
        Rows, int64 [M], the farthest first.
    """
    known = prices > 0
    logs = pd.Series(np.log(prices, where=known, out=np.full(len(prices), np.nan)))
    kinds = kinds.reset_index(drop=True)
    level = kinds.where(logs.groupby(kinds).transform("count") >= KIND, "")
    # Where few are left over, everything is their level.
    few = (level == "") & (logs[level == ""].count() < KIND)
    distance = (logs - logs.groupby(level).transform("median").where(~few, logs.median())).abs()
    spread = 1.4826 * distance.groupby(level).transform("median").where(~few, (logs - logs.median()).abs().median())
    # Where over half of the prices are the same the deviation is nothing: a tenth of the price stands in for it.
    score = (distance / spread.clip(lower=0.1)).to_numpy(copy=True)
    score[prices <= 0] = np.inf
    rows = np.flatnonzero(np.nan_to_num(score, nan=0.0) > LIMIT)
    return rows[np.argsort(-score[rows], kind="stable")]
