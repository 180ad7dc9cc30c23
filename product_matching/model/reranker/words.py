"""What a product text is made of, for comparing: words, model numbers, numbers with their units."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"\d+(?:\.\d+)?[^\W_{_CJK}]*|[{_CJK}]|[^\W_{_CJK}]+")
_RAW = re.compile(r"\S+")
_UNITS = {
    **dict.fromkeys(("inches", "inch", "in.", "'", "''", '"', "\u2033", "\u82f1\u5bf8"), "in"),
    **dict.fromkeys(("gigabytes", "gigabyte", "gb"), "gb"),
    **dict.fromkeys(("megabytes", "megabyte", "mb"), "mb"),
    **dict.fromkeys(("megapixels", "megapixel", "mp"), "mp"),
    **dict.fromkeys(("pack", "pk", "packs", "pcs", "count", "ct"), "pk"),
    **dict.fromkeys(("watts", "watt", "w"), "w"),
    **dict.fromkeys(("ounces", "ounce", "oz"), "oz"),
    **dict.fromkeys(("pounds", "pound", "lbs", "lb"), "lb"),
    **dict.fromkeys(("feet", "foot", "ft", "ft."), "ft"),
    **{unit: unit for unit in ("tb", "kb", "ghz", "mhz", "mm", "cm", "ml", "kg", "volt", "dpi", "ppm", "fps")},
}
# What is written longer is tried first; a unit ends where its word does.
_UNIT = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)[\s-]*("
    + "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
    + r")(?![^\W_])"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
SHORTEST_CODE = 4


@dataclass(frozen=True)
class Words:
    """A text, taken apart.

    Attributes:
        counts: How often each word stands there, folded (see `fold`); a Chinese character is a word.
        codes: Model numbers without their hyphens and slashes: letters and digits of four characters or more, or
            five digits or more.
        numbers: Numbers, with their unit where one follows: "32 inches", "32''" and "32in" are all "32in".
        squeezed: The letters and digits in a row.
        trigrams: Three characters in a row, of the words with a space around.
    """

    counts: Counter[str]
    codes: frozenset[str]
    numbers: frozenset[str]
    squeezed: str
    trigrams: frozenset[str]


def fold(text: str) -> str:
    """Lower case, no accents, full-width letters and digits as plain ones, units spelled in one way."""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = unicodedata.normalize("NFC", "".join(letter for letter in text if not unicodedata.combining(letter)))
    return _UNIT.sub(lambda found: found[1] + _UNITS[found[2]], text)


@lru_cache(maxsize=200_000)
def parse(text: str) -> Words:
    """Takes a text apart; what was parsed lately is kept, as one product stands in many pairs."""
    folded = fold(text)
    words = [_trim(word) for word in _WORD.findall(folded)]
    spaced = f" {' '.join(words)} "
    return Words(
        counts=Counter(words),
        codes=frozenset(filter(_is_code, map(_squeeze, _RAW.findall(folded)))),
        numbers=frozenset(word for word in words if word[0].isdigit() and len(word) < 7),
        squeezed=_squeeze(folded),
        trigrams=frozenset(spaced[i : i + 3] for i in range(len(spaced) - 2)),
    )


def as_number(cell: str) -> float | None:
    """The first number in a cell ("$1,299.00" is 1299.0); `None` where there is none."""
    found = _NUMBER.search(cell.replace(",", ""))
    return float(found[0]) if found else None


def is_number(cell: str) -> bool:
    """Whether a cell is one number, perhaps with a currency sign."""
    try:
        float(cell.strip().lstrip("$\u20ac\u00a3\u00a5").replace(",", ""))
    except ValueError:
        return False
    return True


def _trim(word: str) -> str:
    """10.0 is 10."""
    return word[:-2] if word.endswith(".0") and word[:-2].isdigit() else word


def _squeeze(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())


def _is_code(word: str) -> bool:
    digits = sum(letter.isdigit() for letter in word)
    if not word.isascii() or not digits or len(word) < SHORTEST_CODE:
        return False
    # "32gb" and "1080p" are measures, not names.
    letters = len(word) - digits
    return digits > 4 if not letters else not re.fullmatch(r"\d+(?:[a-z]{1,3})", word) or len(word) > 6
