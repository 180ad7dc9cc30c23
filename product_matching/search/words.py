"""Products found by the words of a query: BM25 over what their rows say, and codes found exactly."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import Stemmer

from product_matching._types import FloatArray
from product_matching.errors import BundleError
from product_matching.search.spelling import Speller
from product_matching.text.bm25 import BM25
from product_matching.text.noise import informative

FOLDER, CODES, TITLES = "words", "codes.json", "titles.npy"
FIELD_WEIGHTS = {"title": 3, "tags": 2, "description": 1}
"""How often a field's words count; those of any other column of words count once, numbers and pictures not at all."""
LONGEST_VALUE = 100
"""Other columns count where their cells are at most so long, on average: names, not addresses or reviews."""
HAN_DISCOUNT = 0.7
"""By how much agreement counts less for a query of Chinese pairs alone; see benchmarks/search.md."""
PARTS = 3
"""Shares that agreement is the mean of; see `WordIndex.scores`."""
IN_TITLE = 2**15
"""What a word in a title counts beside a word in a row: more than a query has words."""
NO_WORDS = ("image",)
_TOKEN = re.compile(r"[a-z0-9]+(?:[-_./][a-z0-9]+)*|[^\W\d_a-z]+")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")
_CODE = re.compile(r"(?=.*\d)(?=.*[a-z])[a-z0-9]{4,}|\d{6,}")
_PARTS = re.compile(r"[-_./]")


def words_of(text: str) -> list[str]:
    """The words that BM25 counts.

    Latin words lose their endings (Snowball), Chinese runs become pairs of neighbouring characters, a code such as
    `mx-204` stays whole and gives its parts besides. Stop words and the seller's noise are left out.

    >>> words_of("Red mugs MX-204 红色马克杯")
    ['red', 'mug', 'mx204', 'mx', '204', '红色', '色马', '马克', '克杯']
    """
    found: list[str] = []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", text).lower()):
        if _HAN.search(token):
            found += [piece for run in _HAN.findall(token) for piece in _pairs(run)]
            continue
        parts = _PARTS.split(token)
        whole = ["".join(parts)] if len(parts) > 1 and any(map(str.isdigit, token)) else []
        found += [*whole, *(_stemmer().stemWord(part) for part in informative(parts))]
    return found


def codes_of(text: str) -> set[str]:
    """Model numbers and the like: four characters or more, among them a digit and a letter, or six digits.

    >>> sorted(codes_of("Kettle MX-204, 2 l, EAN 4006381333931"))
    ['4006381333931', 'mx204']
    """
    tokens = (_PARTS.sub("", token) for token in _TOKEN.findall(unicodedata.normalize("NFKC", text).lower()))
    return {token for token in tokens if _CODE.fullmatch(token)}


class WordIndex:
    """BM25 (Robertson et al. 1994; Lucene's form) over the rows of a table, and a table of codes.

    Args:
        bm25: Over the words of each row.
        codes: For each code, the rows whose title or id has it.
        titled: For each posting of `bm25`, whether the word stands in the row's title, bool.
        speller: The words as written; None in an index of an earlier version.

    Raises:
        ValueError: If `titled` does not fit `bm25`.
    """

    def __init__(
        self,
        bm25: BM25,
        codes: dict[str, list[int]],
        titled: np.ndarray,
        speller: Speller | None = None,
    ) -> None:
        self._bm25 = bm25
        self._codes = codes
        self.speller = speller or Speller({})
        self.size = int(bm25.scores["num_docs"])
        # As plain arrays: a slice of a mapped one costs more than what is done with it.
        self._starts, self._rows, self._weights = (
            np.asarray(bm25.scores[name]) for name in ("indptr", "indices", "data")
        )
        if titled.shape != self._rows.shape or titled.dtype != bool:
            raise ValueError(f"{TITLES} are {titled.dtype} {titled.shape} for {len(self._rows)} postings")
        self._steps = np.where(titled, IN_TITLE + 1, 1).astype(np.int32)
        """What each posting adds to its row's count of words of a query."""
        self._title_words = np.bincount(self._rows[titled], minlength=self.size)

    @classmethod
    def build(cls, products: pd.DataFrame) -> Self:
        """Indexes products: `product_id`, and any columns of words."""
        columns = {name: weight for name in products.columns if (weight := _weight(name, products[name]))}
        cells = {name: products[name].fillna("").astype(str).tolist() for name in columns}
        rows, titled = [], []
        for row in range(len(products)):
            found = {name: words_of(cells[name][row]) for name in columns}
            rows.append([word for name, weight in columns.items() for word in weight * found[name]])
            titled.append(set(found.get("title", ())))
        bm25 = BM25()
        bm25.index(rows, show_progress=False)
        codes: defaultdict[str, list[int]] = defaultdict(list)
        titles = cells.get("title", [""] * len(products))
        for row, (name, title) in enumerate(zip(products["product_id"].astype(str), titles, strict=True)):
            for code in codes_of(title) | {_plain(name)}:
                codes[code].append(row)
        speller = Speller.build(" ".join(row) for row in zip(*cells.values(), strict=True))
        return cls(bm25, dict(codes), _titled(bm25, titled), speller)

    def scores(self, query: str) -> FloatArray:
        """How well the words of each product agree with a query: float32 [N], 0 to 1.

        The mean of three shares, so that it can be compared between queries, and added to a cosine:

        * BM25's score, of the highest that any text could reach: 1 would be a row that consists of the query's words;
        * 1 where the row has all words of the query, else 0: a red mug is not half found by a blue one;
        * where its title has all of them, the square of the share of the title's words that they are, else 0: who asks
          for a product by its name means that one, before those whose longer names begin alike.

        Chinese words count less, as pairs of characters straddle two words or split one.
        """
        words = words_of(query)
        known = [word for word in words if word in self._bm25.vocab_dict]
        if not known:
            return np.zeros(self.size, np.float32)
        ids = [self._bm25.vocab_dict[word] for word in known]
        reachable = float(self._idf[ids].sum()) + (len(words) - len(known)) * self._highest_idf
        trust = 1 - HAN_DISCOUNT * sum(map(bool, map(_HAN.match, words))) / len(words)
        found = np.zeros(self.size, np.float32)
        there = np.zeros(self.size, np.int32)
        counted = Counter(ids)
        for word, times in counted.items():
            # A row stands once among those of a word, so that adding at once loses nothing.
            postings = self._postings(word)
            rows = self._rows[postings]
            found[rows] += self._weights[postings] if times == 1 else times * self._weights[postings]
            there[rows] += self._steps[postings]
        found /= np.float32(max(reachable, 1e-6))
        if len(known) == len(words):
            self._add_whole(found, there, list(counted))
        found *= np.float32(trust / PARTS)
        return found

    def _add_whole(self, found: FloatArray, there: np.ndarray, words: list[int]) -> None:
        """Adds to the shares [N] what rows and titles have that hold all these words.

        Args:
            found: The shares.
            there: Of each row, how many of the words it has, and, `IN_TITLE` each, how many its title has, int32 [N].
            words: Distinct ones.
        """
        # Rows with all words are among those of the rarest.
        rows = self._rows[min(map(self._postings, words), key=lambda one: one.stop - one.start)]
        whole = there[rows] % IN_TITLE == len(words)
        found[rows[whole]] += 1
        named = rows[there[rows] // IN_TITLE == len(words)]
        if len(named):
            found[named] += np.float32(len(words) ** 2) / self._title_words[named] ** 2

    def _postings(self, word: int) -> slice:
        return slice(self._starts[word], self._starts[word + 1])

    def knows(self, query: str) -> bool:
        """Whether any word or code of a query stands in any product."""
        return any(word in self._bm25.vocab_dict for word in words_of(query)) or bool(self.rows_of_codes(query))

    def rows_of_codes(self, query: str) -> list[int]:
        """Rows of the products whose id or model number the query names, ascending."""
        asked = codes_of(query) | {_plain(query)}
        return sorted({row for code in asked for row in self._codes.get(code, ())})

    def save(self, folder: Path) -> None:
        """Writes the index into a folder of its own."""
        self._bm25.save(str(folder / FOLDER), show_progress=False)
        np.save(folder / FOLDER / TITLES, self._steps > 1)
        (folder / FOLDER / CODES).write_text(json.dumps(self._codes, ensure_ascii=False), encoding="utf-8")
        self.speller.save(folder / FOLDER)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Reads what `save` wrote; `None` where there is none, or one of an earlier version, without titles.

        Raises:
            BundleError: If a file is missing or damaged.
        """
        path = Path(folder) / FOLDER
        if not (path / TITLES).is_file():
            return None
        try:
            bm25 = BM25.load(str(path), mmap=True, show_progress=False)
            titled = np.load(path / TITLES, allow_pickle=False)
            return cls(bm25, json.loads((path / CODES).read_text(encoding="utf-8")), titled, Speller.load(path))
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"{path} cannot be read ({error}). Build the index again.") from error

    @cached_property
    def _idf(self) -> FloatArray:
        """Lucene's inverse document frequency of each word."""
        counts = np.diff(self._starts).astype(float)
        return np.log(1 + (self.size - counts + 0.5) / (counts + 0.5))

    @cached_property
    def _highest_idf(self) -> float:
        return float(self._idf.max())


def _titled(bm25: BM25, titles: list[set[str]]) -> np.ndarray:
    """For each posting, whether the word is among those of the row's title, bool."""
    starts, rows = (np.asarray(bm25.scores[name]) for name in ("indptr", "indices"))
    words = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    # A word and a row as one number, so that one pass compares all.
    there = [bm25.vocab_dict[word] * len(titles) + row for row, title in enumerate(titles) for word in title]
    return np.isin(words.astype(np.int64) * len(titles) + rows, np.array(there, np.int64))


def _weight(name: str, column: pd.Series) -> int:
    if name in FIELD_WEIGHTS:
        return FIELD_WEIGHTS[name]
    if name in NO_WORDS or pd.api.types.is_numeric_dtype(column) or not len(column):
        return 0
    lengths = column.dropna().astype(str).str.len()
    return int(len(lengths) > 0 and lengths.mean() <= LONGEST_VALUE)


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)] or [run]


def _plain(code: str) -> str:
    return _PARTS.sub("", unicodedata.normalize("NFKC", code).strip().lower())


@cache
def _stemmer() -> Any:
    return Stemmer.Stemmer("english")
