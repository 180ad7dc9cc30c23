"""How much agreement of words, and the vector of a product's words alone, count beside its vector: each shop's own.

Where a trained model knows attributes better than the words of rows do (another language, a forgotten tag), words must
not outvote it; where few products were there to train on, words know more, and a text tells more than its picture: of
two products that words find alike, the one whose own words mean what the query says is nearer. An index learns both
weights when it is built, from queries made of products that training held out, as vectors know the others better than
any that will come. What a query means is taken from the tags of the product that it was made of, not from its words: of
a query's first results, those are right that share them.
"""

from __future__ import annotations

from collections import Counter
from itertools import compress, product

import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching.bundle import Bundle
from product_matching.dataset import Catalog
from product_matching.metrics.reach import WORDS
from product_matching.search.calibrating import Sample, few_words
from product_matching.search.product_index import ProductIndex
from product_matching.search.ranking import TEXT_WEIGHT, WORD_WEIGHT, order_of

WORD_WEIGHTS = (0.3, 0.6, WORD_WEIGHT, 1.8, 2.4, 3.6, 6.0, 12.0, 24.0, 48.0, 96.0)
TEXT_WEIGHTS = (TEXT_WEIGHT, 0.5, 1.0, 2.0, 4.0, 8.0)
USUAL = (WORD_WEIGHT, TEXT_WEIGHT)
FIRST = 10
"""Results of a query that are judged."""
QUERIES, FEWEST = 2000, 50
"""How many are drawn, and from how many on their mean says something."""
CHANCE = 1.0
"""Standard errors within which pairs are alike (the one-standard-error rule of Breiman et al. 1984)."""


def unseen_queries(bundle: Bundle, catalog: Catalog, *, seed: int = 0) -> Sample | None:
    """Some words of the titles of products that training held out; of any, where nobody knows or it held out few."""
    generator, titles = np.random.default_rng(seed), catalog.table["title"].tolist()
    seen = bundle.trained_on(catalog.groups())
    unseen = np.arange(len(catalog)) if seen is None else np.flatnonzero(~seen)
    rows = generator.choice(unseen if len(unseen) >= FEWEST else len(catalog), QUERIES).tolist()
    asked = [(row, text) for row in rows if (text := few_words(str(titles[row]), generator))]
    if not asked:
        return None
    texts = [text for _, text in asked]
    return Sample([row for row, _ in asked], bundle.encoders.embed_text(texts), texts, 0, WORDS)


def part_weights(index: ProductIndex, sample: Sample | None, catalog: Catalog) -> tuple[float, float]:
    """The weights with which the first results share most tags with the product that the query was made of.

    Of pairs that are alike in this, the one that lets words weigh most, as tags say nothing of names, which words find;
    then the one that lets texts weigh least.

    Args:
        index: Of the products.
        sample: Queries by words.
        catalog: Their tags, in the order of the index.

    Returns:
        One of `WORD_WEIGHTS` and one of `TEXT_WEIGHTS`; `USUAL` where tags or queries are too few.
    """
    if sample is None:
        return USUAL
    tags, groups = [set(some) for some in catalog.tag_lists()], catalog.groups()
    asked = [place for place, row in enumerate(sample.rows) if tags[row]]
    if len(asked) < FEWEST:
        return USUAL
    pairs = list(product(WORD_WEIGHTS, TEXT_WEIGHTS if index.text_vectors is not None else TEXT_WEIGHTS[:1]))
    rarity = _rarity(tags)
    shared = np.stack([_agreement(index, sample, place, tags, groups, rarity, pairs) for place in asked])
    loss = shared[:, [int(shared.mean(axis=0).argmax())]] - shared
    alike = compress(pairs, loss.mean(axis=0) <= _chance(loss))
    return max(alike, key=lambda pair: (pair[0], -pair[1]))


def _chance(differences: FloatArray) -> FloatArray:
    """What the mean of differences [Q, ...] may be though there is none."""
    return CHANCE * differences.std(axis=0, ddof=1) / np.sqrt(len(differences))


def _agreement(
    index: ProductIndex,
    sample: Sample,
    place: int,
    tags: list[set[str]],
    groups: IntArray,
    rarity: dict[str, float],
    pairs: list[tuple[float, float]],
) -> FloatArray:
    """For each pair of weights: the share of its product's tags that the first results of a query have, float [P].

    The product itself and those of its group do not count: they would be found by any weight.
    """
    row = sample.rows[place]
    near = index.candidates(sample.vectors[place], sample.texts[place], sides=sample.sides)
    near = near.take(groups[near.place] != groups[row])
    whole = sum(rarity[tag] for tag in tags[row])
    share = np.array([sum(rarity[tag] for tag in tags[row] & tags[other]) / whole for other in near.place])
    words, texts = np.array(pairs).T[:, :, None]
    order = order_of(near.cosine, near.reach, near.words, near.code, words, near.text, texts)
    return share[np.argsort(-order, axis=1, kind="stable")[:, :FIRST]].sum(axis=1) / FIRST


def _rarity(tags: list[set[str]]) -> dict[str, float]:
    """Inverse document frequency: a shared colour tells more than the shop's own name."""
    counts = Counter(tag for some in tags for tag in some)
    return {tag: float(np.log(1 + len(tags) / count)) for tag, count in counts.items()}
