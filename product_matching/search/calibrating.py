"""What an index learns of sensible queries when it is built: when a product counts as found, what is asked usually.

Sensible queries are a few words of a product's title, or a product's picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from product_matching._types import FloatArray
from product_matching.bundle import Bundle, Head
from product_matching.dataset import Catalog
from product_matching.metrics.reach import IMAGE, PICTURE, TEXT, WORDS, Sides
from product_matching.search.drift import Reference
from product_matching.search.options import Options
from product_matching.search.product_index import ProductIndex
from product_matching.search.question import UNKNOWN, Part
from product_matching.search.results import Query, find

QUERIES = 200
"""Of a kind, from which the least probability is taken."""
REFERENCE = 500
"""Of a kind, with which live queries are compared; pictures fewer where the catalogue has fewer."""
ENOUGH = 50
"""From how many on their deciles mean something."""
MISSED = 0.01
"""Share of the queries with an answer that may be told that nothing matches."""
BELIEVED = 0.05
"""Share of the queries without any sense for which something counts as found."""


@dataclass(frozen=True)
class Sample:
    """Sensible queries of one kind.

    Attributes:
        rows: Of the products that they were made of, [N].
        vectors: Float32 [N, D].
        texts: As a shopper would write them; "" for pictures.
        sides: What part of each is words, and what part is a picture.
        first: So many of them are of different products, for `least_probabilities`.
    """

    rows: Sequence[int]
    vectors: FloatArray
    texts: Sequence[str]
    first: int
    sides: Sides


def sensible_queries(bundle: Bundle, catalog: Catalog, *, seed: int = 0) -> dict[str, Sample]:
    """Draws them: for `"text"` and `"image"`, where the catalogue has titles and pictures."""
    generator, size = np.random.default_rng(seed), len(catalog)
    rows = np.sort(generator.choice(size, min(QUERIES, size), replace=False)).tolist()
    titles = catalog.table["title"]
    words = [few_words(str(titles.iloc[row]), generator) for row in rows]
    # Other words of the same title are another query, the same picture is not.
    again = generator.integers(size, size=REFERENCE - len(rows)).tolist()
    words += [few_words(str(titles.iloc[row]), generator) for row in again]
    found: dict[str, Sample] = {}
    asked = [(row, text) for row, text in zip([*rows, *again], words, strict=True) if text]
    if asked:
        texts = [text for _, text in asked]
        first = sum(map(bool, words[: len(rows)]))
        found[TEXT] = Sample([row for row, _ in asked], bundle.encoders.embed_text(texts), texts, first, WORDS)
    others = np.setdiff1d(generator.permutation(size)[:REFERENCE], rows)[: REFERENCE - len(rows)].tolist()
    pictures = catalog.image_paths()
    seen, more = ([row for row in part if pictures[row]] for part in (rows, others))
    if seen or more:
        files = [Path(pictures[row]).read_bytes() for row in (*seen, *more)]
        found[IMAGE] = Sample([*seen, *more], bundle.encoders.embed_image(files), [""] * len(files), len(seen), PICTURE)
    return found


def least_probabilities(bundle: Bundle, index: ProductIndex, asked: dict[str, Sample]) -> dict[str, float]:
    """The probability that the best result of a sensible query reaches in all but a hundredth of cases, by kind.

    What they find beside the product that they were made of is the answer. That errs on the side of showing something.
    For queries by words of which no product has any, see `probability_of_nonsense`.
    """
    found = {kind: _least(bundle.head, index, sample) for kind, sample in asked.items() if sample.first}
    return found | ({UNKNOWN: probability_of_nonsense(bundle, index, asked[TEXT].texts)} if TEXT in asked else {})


def probability_of_nonsense(bundle: Bundle, index: ProductIndex, texts: Sequence[str], *, seed: int = 0) -> float:
    """The probability that the best result for words without sense reaches in a twentieth of cases.

    Where no word tells, the vector alone must tell `couch`, which a pretrained tower understands, from `huocc`.

    Args:
        bundle, index: What is asked.
        texts: Whose letters are shuffled.
        seed: Of the shuffle.

    Returns:
        0 where no such words come of the texts.
    """
    generator = np.random.default_rng(seed)
    shuffled = ("".join(generator.permutation(list(text.replace(" ", "")))) for text in texts)
    nonsense = [text for text in shuffled if not index.words.knows(text)][:QUERIES]
    if not nonsense:
        return 0.0
    vectors = bundle.encoders.embed_text(nonsense)
    best = np.array([hits[0].nearness for hits in index.search(vectors, k=1, sides=WORDS)], np.float32)
    return float(
        np.quantile(bundle.head.probability(bundle.head.score(best), bundle.head.reach(vectors)), 1 - BELIEVED)
    )


def references(head: Head, index: ProductIndex, asked: dict[str, Sample]) -> dict[str, Reference]:
    """How sensible queries and their first results are distributed, by kind, where there are enough of them.

    Words may find the product that they were made of, as shoppers' do; a picture finds others, as a shopper's picture
    is another one than the shop's.
    """
    return {
        kind: Reference.of(sample.vectors, _first_cosines(head, index, sample, pictured=kind == IMAGE))
        for kind, sample in asked.items()
        if len(sample.rows) >= ENOUGH and index.size > 1
    }


def few_words(title: str, generator: np.random.Generator) -> str:
    """One to three words of a title, in their order."""
    words = title.split()
    if not words:
        return ""
    count = int(generator.integers(1, min(3, len(words)) + 1))
    return " ".join(words[place] for place in np.sort(generator.choice(len(words), count, replace=False)))


def _least(head: Head, index: ProductIndex, sample: Sample) -> float:
    best, vectors = [], sample.vectors[: sample.first]
    for hits, row in zip(index.search(vectors, k=2, sides=sample.sides), sample.rows[: sample.first], strict=True):
        others = [hit.nearness for hit in hits if hit.product_id != index.product_ids[row]]
        best.append(max(others, default=hits[0].nearness))
    probabilities = head.probability(head.score(np.array(best, np.float32)), head.reach(vectors))
    return float(np.quantile(probabilities, MISSED))


def _first_cosines(head: Head, index: ProductIndex, sample: Sample, *, pictured: bool) -> list[float]:
    found = []
    for row, vector, text in zip(sample.rows, sample.vectors, sample.texts, strict=True):
        hidden = frozenset([index.product_ids[row]] if pictured else [])
        page = find([Part(index, hidden=hidden)], head, Query.of(vector, text, text, pictured=pictured), Options(k=1))
        found.append(page.results[0].parts["cosine"])
    return found
