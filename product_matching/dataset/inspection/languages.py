"""In which script a text is written, and so, roughly, in which language."""

from __future__ import annotations

import re

_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_LETTER = re.compile(r"[^\W\d_]")
LANGUAGES = ("en", "zh", "mixed", "other", "none")
MAIN = 0.8
"""A text is of one script if so large a share of its words is."""
LETTERS = 4
"""Letters of a Latin word, as many as one Chinese character weighs."""


def language(text: str) -> str:
    """Tells a text's language by its script.

    Returns:
        `"en"`: Latin letters; `"zh"`: Chinese characters; `"mixed"`: both; `"other"`: another script for the most part,
        such as kana or Arabic; `"none"`: no letters.
    """
    if text.isascii():
        return "en" if _LATIN.search(text) else "none"
    letters, latin, chinese = (len(pattern.findall(text)) for pattern in (_LETTER, _LATIN, _CHINESE))
    if not letters:
        return "none"
    if letters - latin - chinese > (1 - MAIN) * letters:
        return "other"
    share = chinese / (chinese + latin / LETTERS)
    if share >= MAIN:
        return "zh"
    return "en" if share <= 1 - MAIN else "mixed"
