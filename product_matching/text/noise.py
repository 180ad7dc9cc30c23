"""Words that tell no product from another.

They go where words are counted: an index of words would match on "the" and "的", and a tag "new" or "热卖" says when
it was written. A BERT keeps them all: it reads what a word means from those around it, and "dress with sleeves" and
"dress without sleeves" differ by a stop word alone.
"""

from __future__ import annotations

from collections.abc import Iterable

_STOP_WORDS = """
an and are as at be been by for from has have in into is it its of on or our out over so than that the their them then
there these they this those to was we were which while who will with you your
的 了 和 与 及 或 在 是 也 都 就 而 被 把 让 给 从 到 对 于 为 之 其 这 那 我们 你 您 本
"""
_NOISE_WORDS = """
new hot sale bestseller best-seller discount promotion deal offer free-shipping top-rated trending recommended
新品 新款 热卖 热销 爆款 特价 促销 包邮 正品 推荐 优惠 折扣 现货 上新 清仓
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Small words of English and Chinese. "no", "not", "without" and their like are none: they change what is sold.
Single Latin letters are sizes and models."""
NOISE_WORDS = frozenset(_NOISE_WORDS.split())
"""Words of the seller about the sale."""


def informative(words: Iterable[str]) -> list[str]:
    """The words, in their order, that are neither stop words nor noise; case does not count."""
    return [word for word in words if word.lower().replace(" ", "-") not in STOP_WORDS | NOISE_WORDS]
