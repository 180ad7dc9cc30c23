"""From a query to ranked products: words, a picture, or both, through the same space as the products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from product_matching._types import FloatArray
from product_matching.bundle import Bundle, Encoders, load_bundle
from product_matching.errors import BundleError, ConfigError, DataError
from product_matching.search.filters import Filter
from product_matching.search.options import Options
from product_matching.search.product_index import ProductIndex
from product_matching.search.question import Part
from product_matching.search.reranking import ResultReranker
from product_matching.search.results import Page, Query, Result, find, results_of


class SearchEngine:
    """Embeds queries with a bundle's encoders and looks them up in its index.

    Example:
        engine = SearchEngine.load("saved_models/shop")
        engine.search("red striped mug", k=3)
        engine.search("in blue", image=Path("mug.jpg").read_bytes(), filters=[parse_filter("price<20")])
    """

    def __init__(self, bundle: Bundle, index: ProductIndex, reranker: ResultReranker | None = None) -> None:
        self.bundle = bundle
        self.index = index
        self.reranker = reranker

    @classmethod
    def load(cls, path: str | Path, *, towers: str = "", reranker: str | Path = "") -> Self:
        """Opens a bundle and its index.

        Args:
            path: Of the bundle.
            towers: Address of a TensorFlow Serving that runs the encoders; empty: they run here.
            reranker: A bundle of `train-pairs`, which reads results where `Options.rerank` says how many.

        Raises:
            BundleError: If the bundle or its index is missing or damaged.
        """
        bundle = load_bundle(path, towers=towers)
        if not bundle.index_folder.is_dir():
            raise BundleError(
                f"{bundle.folder} has no index yet. Build it: product-matching index {bundle.folder} CATALOG"
            )
        index = ProductIndex.load(bundle.index_folder)
        if index.dim != bundle.manifest["dim"]:
            raise BundleError(
                f"The index of {bundle.folder} holds vectors of {index.dim} numbers, its model makes "
                f"{bundle.manifest['dim']}. Build the index again."
            )
        return cls(bundle, index, ResultReranker.load(reranker) if reranker else None)

    def search(
        self, text: str = "", *, image: bytes = b"", k: int = 10, filters: Sequence[Filter] = (), **options: Any
    ) -> list[Result]:
        """Finds the products nearest to words, to a picture, or to both together.

        Words count twice: by what they mean, through the vector, and as they are written, through BM25, so that brands
        and rare words are found. A product whose id or model number stands in the text comes first.

        Args:
            text: What a shopper types.
            image: Bytes of an image file.
            k: Products to return; fewer come back only when the filters leave fewer.
            filters: Conditions that a product must meet.
            **options: The others of `Options`.

        Raises:
            DataError: If there is neither text nor image, or the image cannot be decoded.
        """
        return self.ask(text, image=image, options=Options(k=k, filters=filters, **options)).results

    def ask(self, text: str = "", *, image: bytes = b"", options: Options | None = None) -> Page:
        """As `search`, with all that a results page shows: facets, how many match, the spelling that was meant.

        Raises:
            ConfigError: If an option is out of range, or results are to be read and there is no re-ranker.
            DataError: As `search`; or if an attribute to group by, to count or to filter by is not known.
        """
        options = options or Options()
        meant = self.index.words.speller.corrected(text) if options.spelling else text
        vector = embed_query(self.bundle.encoders, meant, image, options.image_weight)[0]
        asked = {"pictured": bool(image), "image_weight": options.image_weight, "words": options.words}
        query = Query.of(vector, text, meant, **asked)
        parts = [Part(self.index, options.filters)]
        if not (options.rerank and meant.strip()):
            return find(parts, self.bundle.head, query, options)
        if self.reranker is None:
            raise ConfigError("rerank needs a re-ranker: SearchEngine.load(…, reranker=BUNDLE).")
        # Read from the first on, whatever page is asked for: pages are slices of one order.
        wanted = options.offset + options.k
        page = find(parts, self.bundle.head, query, replace(options, offset=0, k=max(options.rerank, wanted)))
        return replace(page, results=self.reranker(meant, page.results, options.rerank)[options.offset : wanted])

    def search_vectors(self, queries: FloatArray, *, k: int = 10, filters: Sequence[Filter] = ()) -> list[list[Result]]:
        """Finds the products nearest to vectors [Q, D]: a list a query."""
        found = self.index.search(queries, k=k, filters=filters)
        reaches = self.bundle.head.reach(np.atleast_2d(queries))
        return [results_of(hits, self.bundle.head, float(reach)) for hits, reach in zip(found, reaches, strict=True)]

    def embed(self, text: str = "", image: bytes = b"") -> FloatArray:
        """The vector of a query: float32 [1, D]."""
        return embed_query(self.bundle.encoders, text, image)


def embed_query(encoders: Encoders, text: str, image: bytes, image_weight: float | None = None) -> FloatArray:
    """The vector of words, of a picture, or of both, float32 [1, D]; see `Options.image_weight`.

    Raises:
        DataError: If there is neither, or the image cannot be decoded.
    """
    if not text.strip() and not image:
        raise DataError("A search needs words, a picture, or both; neither was given.")
    if not image:
        return encoders.embed_text([text])
    if not text.strip():
        return encoders.embed_image([image])
    if image_weight is None:
        return encoders.embed_product([image], [text], [""], [""])
    return blended(encoders.embed_text([text]), encoders.embed_image([image]), image_weight)


def blended(words: FloatArray, picture: FloatArray, image_weight: float) -> FloatArray:
    """Between two unit vectors, [..., D]: 0 is the words, 1 the picture; of length one again."""
    both = (1 - image_weight) * words + image_weight * picture
    length = np.linalg.norm(both, axis=-1, keepdims=True)
    return np.where(length > 0, both / np.maximum(length, 1e-12), picture).astype(np.float32)
