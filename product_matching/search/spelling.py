"""Words of a query that no product has, and the words of the catalogue that were probably meant."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Set
from itertools import pairwise
from pathlib import Path
from typing import Self

from rapidfuzz import process
from rapidfuzz.distance import OSA

from product_matching.errors import BundleError
from product_matching.text.noise import STOP_WORDS

FILE = "spelling.json"
SHORTEST = 4
"""Shorter words have too many neighbours."""
LONG = 8
"""From so many letters on, two mistakes are mended; below, one."""
SURE = 6
"""Shorter words must begin with the same letter: "coat" is not meant for "boat"."""
COMMON = 2
"""A word of fewer products may be a mistake itself."""
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[a-z]+")


class Speller:
    """Mends single words by the catalogue's own (optimal string alignment: a letter added, lost, changed, two swapped).

    >>> speller = Speller.build(["Striped cushion", "striped mug", "cushion cover", "mug"])
    >>> speller.corrected("stirped cusion, blau")
    'striped cushion, blau'
    """

    def __init__(self, counts: dict[str, int]) -> None:
        self._counts = counts
        self._choices = [word for word, count in counts.items() if count >= COMMON and len(word) >= SHORTEST]

    @classmethod
    def build(cls, texts: Iterable[str]) -> Self:
        """Counts how many of the texts have each word."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update({word for word in _WORD.findall(text.lower()) if _LATIN.fullmatch(word)})
        return cls(dict(counts))

    def corrected(self, text: str, *, known: Container[str] = ()) -> str:
        """The text with unknown words mended; others, numbers and all that is not Latin stay as they are.

        Args:
            text: What a shopper typed.
            known: More words that are no mistakes, in small letters.
        """
        return _WORD.sub(lambda found: found[0] if found[0].lower() in known else self._meant(found[0]), text)

    @property
    def words(self) -> Set[str]:
        """The words of the catalogue, in small letters."""
        return self._counts.keys()

    def _meant(self, written: str) -> str:
        word = written.lower()
        if len(word) < SHORTEST or not _LATIN.fullmatch(word) or word in STOP_WORDS or self._known(word):
            return written
        if single := next((form for form in _undoubled(word) if self._counts.get(form, 0) >= COMMON), None):
            return single  # however short: nobody writes "mugg" for another word
        mistakes = 1 if len(word) < LONG else 2
        near = process.extract(word, self._choices, scorer=OSA.distance, score_cutoff=mistakes, limit=None)
        near = [(found, far) for found, far, _ in near if len(word) >= SURE or found[0] == word[0]]
        if not near:
            return written
        return min(near, key=lambda pair: (pair[1], pair[0][0] != word[0], -self._counts[pair[0]], pair[0]))[0]

    def _known(self, word: str) -> bool:
        # The other number of a word is no mistake.
        return any(form in self._counts for form in (word, f"{word}s", word.removesuffix("s"), word.removesuffix("es")))

    def save(self, folder: Path) -> None:
        """Writes `spelling.json`."""
        (folder / FILE).write_text(json.dumps(self._counts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Reads what `save` wrote; `None` where there is none.

        Raises:
            BundleError: If the file is damaged.
        """
        path = folder / FILE
        try:
            return cls({str(word): int(count) for word, count in json.loads(path.read_text(encoding="utf-8")).items()})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise BundleError(f"{path} cannot be read ({error}). Build the index again.") from error


def _undoubled(word: str) -> Iterator[str]:
    """The word with one of its doubled letters once."""
    for place, (letter, following) in enumerate(pairwise(word)):
        if letter == following:
            yield word[:place] + word[place + 1 :]
