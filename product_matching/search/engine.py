"""From a query to ranked products: words, a picture, or both, through the same space as the products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from product_matching._types import FloatArray
from product_matching.bundle import Bundle, load_bundle
from product_matching.errors import BundleError, DataError
from product_matching.search.filters import Filter
from product_matching.search.product_index import ProductIndex
from product_matching.search.product_table import Hit


@dataclass(frozen=True)
class Result:
    """One product found.

    Attributes:
        product_id: Which.
        score: What the results are ranked by, higher is better: t · (cosine + what agreement of words and a named code
            add) + b; without words, the score of the match head.
        probability: That the query and the product match, 0 to 1, by the bundle's calibration.
        rank: From 1.
        attributes: The product's row in the catalogue; `image` is the path of its picture.
        parts: What the rank is made of: `cosine`, -1 to 1; `words`, the agreement of words, 0 to 1; `code`, 1 where the
            query names the product's id or model number.
    """

    product_id: str
    score: float
    probability: float
    rank: int
    attributes: dict[str, Any]
    parts: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As the command line and the service show it."""
        return {
            "product_id": self.product_id,
            "score": self.score,
            "probability": self.probability,
            "rank": self.rank,
            "title": self.attributes.get("title", ""),
            "image": self.attributes.get("image", ""),
            "attributes": self.attributes,
            "parts": self.parts,
        }


class SearchEngine:
    """Embeds queries with a bundle's encoders and looks them up in its index.

    Example:
        engine = SearchEngine.load("saved_models/shop")
        engine.search("red striped mug", k=3)
        engine.search("in blue", image=Path("mug.jpg").read_bytes(), filters=[parse_filter("price<20")])
    """

    def __init__(self, bundle: Bundle, index: ProductIndex) -> None:
        self.bundle = bundle
        self.index = index

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Opens a bundle and its index.

        Raises:
            BundleError: If the bundle or its index is missing or damaged.
        """
        bundle = load_bundle(path)
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
        return cls(bundle, index)

    def search(
        self, text: str = "", *, image: bytes = b"", k: int = 10, filters: Sequence[Filter] = (), words: bool = True
    ) -> list[Result]:
        """Finds the products nearest to words, to a picture, or to both together.

        Words count twice: by what they mean, through the vector, and as they are written, through BM25, so that brands
        and rare words are found. A product whose id or model number stands in the text comes first.

        Args:
            text: What a shopper types.
            image: Bytes of an image file.
            k: Products to return; fewer come back only when the filters leave fewer.
            filters: Conditions that a product must meet.
            words: Look for the words as written, too.

        Raises:
            DataError: If there is neither text nor image, or the image cannot be decoded.
        """
        vectors = self.embed(text, image)
        if words and text.strip():
            return self._results(self.index.search_words(text, vectors[0], k=k, filters=filters), vectors[0])
        return self.search_vectors(vectors, k=k, filters=filters)[0]

    def search_vectors(self, queries: FloatArray, *, k: int = 10, filters: Sequence[Filter] = ()) -> list[list[Result]]:
        """Finds the products nearest to vectors [Q, D]: a list a query."""
        found = self.index.search(queries, k=k, filters=filters)
        return [self._results(hits, query) for hits, query in zip(found, np.atleast_2d(queries), strict=True)]

    def embed(self, text: str = "", image: bytes = b"") -> FloatArray:
        """The vector of a query: float32 [1, D]."""
        if not text.strip() and not image:
            raise DataError("A search needs words, a picture, or both; neither was given.")
        encoders = self.bundle.encoders
        if not image:
            return encoders.embed_text([text])
        if not text.strip():
            return encoders.embed_image([image])
        return encoders.embed_product([image], [text], [""], [""])

    def _results(self, hits: list[Hit], query: FloatArray) -> list[Result]:
        head = self.bundle.head
        scores = head.score(np.array([hit.order for hit in hits], np.float32))
        meant = head.score(np.array([hit.score for hit in hits], np.float32))
        pairs = zip(hits, scores, head.probability(meant, head.reach(query[None])), strict=True)
        return [
            Result(
                hit.product_id,
                float(score),
                float(probability),
                hit.rank,
                hit.attributes,
                {"cosine": hit.score, "words": hit.words, "code": hit.code},
            )
            for hit, score, probability in pairs
        ]
