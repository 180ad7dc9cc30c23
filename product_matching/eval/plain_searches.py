"""What a search without a model finds: the same words, the same colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog
from product_matching.eval.baselines import WORD_QUERIES, sample_rows, words
from product_matching.eval.judgement import Judgement
from product_matching.eval.queries import answer_alike_scored
from product_matching.metrics import Searched, summarise_ranks
from product_matching.metrics.searching import Blocks, Relevant, search

LEVELS, CHUNK, NEIGHBOURS = 4, 256, 10
"""Levels of a colour channel in a histogram, queries at a time, training pictures that tell of a picture."""
_COLOURS = 192


def plain_searches(
    judgement: Judgement, catalog: Catalog, train: Catalog | None = None, *, popularity: FloatArray | None = None
) -> dict[str, dict[str, Any]]:
    """Asks what the model is asked of searches that need no model, on samples of the same queries.

    `TF-IDF`: cosine of the words' weights. `nearest colours`: histograms of the pictures' colours, compared by the
    Bhattacharyya coefficient; for `image_to_text` the words of the ten training pictures with the nearest colours are
    asked with, which is what colours and a memory can know of a text.

    Args:
        judgement: Of `judge`.
        catalog: The products that were judged.
        train: Training products, for `image_to_text`; without them it is left out.
        popularity: float [N], how often each product was had; `popularity` then answers everybody with the bestsellers.

    Returns:
        By search, then by baseline, numbers as of the model's. Colours are left out where no picture was looked at.
    """
    weights, colours = TfIdf(catalog), colour_histograms(catalog)
    found: dict[str, dict[str, Any]] = {}
    titled = sample_rows(np.flatnonzero((catalog.table["title"] != "").to_numpy()), WORD_QUERIES)
    everything = np.arange(len(catalog))
    if len(titled):
        asked = weights.of(catalog.table["title"].iloc[titled])
        ranks = _ranks(asked, weights.matrix, catalog.groups()[titled], catalog.groups())
        found["text_to_product"] = {"TF-IDF": summarise_ranks(ranks.ranks, gallery=len(catalog))}
    if train is not None and train.images and catalog.images:
        rows = judgement.rows
        asked = _told_by_colours(weights, train, colours[sample_rows(rows, WORD_QUERIES)])
        groups = catalog.groups()
        ranks = _ranks(asked, weights.matrix[rows], groups[sample_rows(rows, WORD_QUERIES)], groups[rows])
        found["image_to_text"] = {"nearest colours": summarise_ranks(ranks.ranks, gallery=len(rows))}
    if popularity is not None:
        for name, rows in {"text_to_image": judgement.rows, "text_to_product": everything}.items():
            asked = judgement.queries.get(name, rows[:0])
            if len(asked):
                numbers = _bestsellers(popularity[rows], catalog.groups()[rows], catalog.groups()[asked])
                found.setdefault(name, {})["popularity"] = numbers
    for alike in judgement.alike:
        if alike.name == "product_to_product":
            plain = {"TF-IDF": weights.matrix}
            plain |= {"nearest colours": sparse.csr_array(colours)} if catalog.images else {}
            for name, vectors in plain.items():
                scored = sparse_blocks(vectors[alike.asked], vectors)
                numbers = answer_alike_scored(alike, catalog, catalog, scored, everything)
                if numbers:
                    found.setdefault(f"product_to_product, {alike.column}", {})[name] = numbers
    return found


class TfIdf:
    """Texts as unit vectors of tf · idf, idf = ln((1 + N) / (1 + n)) + 1 (Spärck Jones, 1972).

    Args:
        catalog: Products whose title, description and tags are the N documents.

    Attributes:
        matrix: float32 sparse [N, V].
    """

    def __init__(self, catalog: Catalog) -> None:
        table = catalog.table
        self.known, self.numbers = False, {}
        counts = self._counts(table["title"] + " " + table["description"] + " " + table["tags"].str.replace("|", " "))
        documents = np.bincount(counts.indices, minlength=counts.shape[1])
        self.idf = (np.log((1 + counts.shape[0]) / (1 + documents)) + 1).astype(np.float32)
        self.known = True
        self.matrix = self._weighted(counts)

    def of(self, texts: Any) -> sparse.csr_array:
        """Other texts, by the words of the documents: float32 sparse [M, V]."""
        return self._weighted(self._counts(texts))

    def _counts(self, texts: Any) -> sparse.csr_array:
        places, ends = [], [0]
        for text in texts:
            for word in words(text):
                number = self.numbers.get(word) if self.known else self.numbers.setdefault(word, len(self.numbers))
                if number is not None:
                    places.append(number)
            ends.append(len(places))
        shape = (len(ends) - 1, max(len(self.numbers), 1))
        counts = sparse.csr_array((np.ones(len(places), np.float32), np.array(places, np.int64), ends), shape=shape)
        counts.sum_duplicates()
        return counts

    def _weighted(self, counts: sparse.csr_array) -> sparse.csr_array:
        weighted = sparse.csr_array(counts * self.idf[None, :])
        lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1))).ravel()
        return sparse.csr_array(weighted.multiply(1 / np.maximum(lengths, 1e-12)[:, None])).astype(np.float32)


def colour_histograms(catalog: Catalog) -> FloatArray:
    """Square roots of the shares of colours in the first picture, of 64 fields of it: float32 [N, 64], of length 1.

    The inner product of two is the Bhattacharyya coefficient. Zeros where the picture was not looked at.
    """
    found = np.zeros((len(catalog), LEVELS**3), np.float32)
    for row, name in enumerate(catalog.first_images()):
        if name in catalog.images:
            fields = np.frombuffer(catalog.images[name].look[-_COLOURS:], np.uint8).reshape(-1, 3) // (256 // LEVELS)
            bins = fields @ np.array([LEVELS**2, LEVELS, 1])
            found[row] = np.sqrt(np.bincount(bins, minlength=LEVELS**3) / len(bins))
    return found


def sparse_blocks(queries: sparse.csr_array, gallery: sparse.csr_array) -> Blocks:
    """Inner products of sparse rows, a block of queries at a time."""
    columns = sparse.csc_array(gallery.T)
    for start in range(0, queries.shape[0], CHUNK):
        yield start, (queries[start : start + CHUNK] @ columns).toarray()


def _ranks(asked: sparse.csr_array, gallery: sparse.csr_array, query_groups: IntArray, groups: IntArray) -> Searched:
    """Of equal scores, the first of a shuffled gallery stands first: a query without a known word finds by chance."""
    order = np.random.default_rng(0).permutation(len(groups))
    return search(sparse_blocks(asked, gallery[order]), relevant=Relevant(query_groups, groups[order]))


def _bestsellers(popularity: FloatArray, groups: IntArray, query_groups: IntArray) -> dict[str, Any]:
    """One list for all queries; products had equally often stand in random order."""
    gallery = sparse.csr_array(popularity.astype(np.float32)[:, None])
    asked = sparse.csr_array(np.ones((len(query_groups), 1), np.float32))
    return summarise_ranks(_ranks(asked, gallery, query_groups, groups).ranks, gallery=len(groups))


def _told_by_colours(weights: TfIdf, train: Catalog, asked: FloatArray) -> sparse.csr_array:
    """The mean words of the training products whose first pictures have the nearest colours: sparse [Q, V]."""
    table, known = train.table, colour_histograms(train)
    texts = weights.of(table["title"] + " " + table["description"])
    count = min(NEIGHBOURS, len(train))
    nearest = np.concatenate(list(_nearest(asked, known, count)))
    share = np.full(nearest.size, 1 / count, np.float32)
    chosen = sparse.csr_array((share, nearest.ravel(), np.arange(0, nearest.size + 1, count)), (len(asked), len(train)))
    return sparse.csr_array(chosen @ texts)


def _nearest(asked: FloatArray, known: FloatArray, count: int) -> Iterator[IntArray]:
    for start in range(0, len(asked), CHUNK):
        yield np.argpartition(-(asked[start : start + CHUNK] @ known.T), count - 1, axis=1)[:, :count]
