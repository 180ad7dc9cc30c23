"""Sentences that a seller puts under every product: delivery, returns, the story of the brand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import pandas as pd
import tensorflow as tf

from product_matching.text import clean_text

OWNERS = ("brand", "seller", "vendor", "shop", "manufacturer", "store", "merchant")
"""Columns that tell whose words a description is; without one, the whole catalogue is one owner's."""
LETTERS, ROWS, MOST = 12, 20, 64
"""Letters that a sentence has, rows that repeat it, sentences kept: all at least, but the last."""
_END = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])")


def find_boilerplate(
    descriptions: pd.Series, owners: pd.Series, share: float, *, compatibility: bool = True
) -> list[str]:
    """Finds sentences that many descriptions of one owner repeat, the most frequent first.

    Args:
        descriptions: Raw texts [N].
        owners: Whose they are [N].
        share: Of the owner's descriptions, from which on a sentence says nothing of the product.
        compatibility: As of `clean_text`.

    Returns:
        At most `MOST` sentences, as `clean_text` leaves them.
    """
    counts, sizes = Counter(), Counter(owners[descriptions != ""])
    for owner, text in zip(owners, _cleaned(descriptions, compatibility), strict=True):
        counts.update({(owner, sentence) for sentence in _END.split(text) if len(sentence) >= LETTERS})
    found = Counter()
    for (owner, sentence), count in counts.items():
        if count >= max(ROWS, share * sizes[owner]):
            found[sentence] += count
    return [sentence for sentence, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST]]


def owner_column(names: Iterable[str]) -> str:
    """The column that tells whose words a description is; `""` if there is none."""
    by_case = {name.lower(): name for name in names}
    return next((by_case[known] for known in OWNERS if known in by_case), "")


def _cleaned(texts: pd.Series, compatibility: bool, batch: int = 1024) -> Iterator[str]:
    for start in range(0, len(texts), batch):
        chunk = tf.constant(texts.iloc[start : start + batch].tolist(), tf.string)
        yield from (text.decode("utf-8") for text in clean_text(chunk, compatibility=compatibility).numpy())
