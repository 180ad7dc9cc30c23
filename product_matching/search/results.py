"""What a search answers: products with scores and probabilities, and what stands around them on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from product_matching._types import FloatArray
from product_matching.bundle import Head
from product_matching.metrics.reach import FUSED, IMAGE, NEITHER, TEXT, Sides
from product_matching.search.answering import answer
from product_matching.search.facets import Facet
from product_matching.search.options import AUTO, Options
from product_matching.search.product_table import Hit
from product_matching.search.question import UNKNOWN, Part, Question


@dataclass(frozen=True)
class Result:
    """One product found.

    Attributes:
        product_id: Which.
        score: What the results are ranked by, higher is better: t · (cosine - reach + what words, the product's text
            and a named code add) + b; for a product's own vector, the score of the match head.
        probability: That the query and the product match, 0 to 1, by the bundle's calibration.
        rank: From 1.
        attributes: The product's row in the catalogue; `image` is the path of its picture.
        parts: What the rank is made of: `cosine`, -1 to 1; `reach`, what is taken from that because such queries come
            near the product anyway; `words`, the agreement of words, 0 to 1, and `word_weight`, what the whole of it
            adds to the cosine; `text`, the cosine with the vector of the product's words alone, and `text_weight`,
            what 1 of it adds; `code`, 1 where the query names the product's id or model number; perhaps `reranker`, the
            probability by which the first results were ordered anew.
        variants: Ids of the other products of its group, where results are grouped.
    """

    product_id: str
    score: float
    probability: float
    rank: int
    attributes: dict[str, Any]
    parts: dict[str, float] = field(default_factory=dict)
    variants: tuple[str, ...] = ()

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
            **({"variants": list(self.variants)} if self.variants else {}),
        }


@dataclass(frozen=True)
class Page:
    """A page of results.

    Attributes:
        results: The products, best first.
        nothing_matches: Whether even the best product is less likely than what sensible queries find: what is shown is
            the nearest, but probably not what was asked for.
        corrected: The text as it was understood, where a word was mended; else None.
        total: How many products match, where facets were asked for.
        facets: Counts over those.
    """

    results: list[Result]
    nothing_matches: bool = False
    corrected: str | None = None
    total: int | None = None
    facets: list[Facet] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As the command line shows it."""
        shown = {"results": [result.to_dict() for result in self.results], "nothing_matches": self.nothing_matches}
        shown["corrected"] = self.corrected
        if self.total is not None:
            shown |= {"total": self.total, "facets": [facet.to_dict() for facet in self.facets]}
        return shown


@dataclass(frozen=True)
class Query:
    """What is looked for, embedded.

    Attributes:
        vector: Float32 [D].
        text: Its words; empty to leave words out.
        share: What part of it the words are, 0 to 1.
        modes: What it was made of: "text", "image"; neither for a product of the index.
        corrected: Its text, where a word was mended.
        sides: What part of the vector is words and what part is a picture; neither for a product of the index.
    """

    vector: FloatArray
    text: str = ""
    share: float = 1.0
    modes: tuple[str, ...] = ()
    corrected: str | None = None
    sides: Sides = NEITHER

    @classmethod
    def of(
        cls,
        vector: FloatArray,
        written: str,
        meant: str,
        *,
        pictured: bool,
        image_weight: float | None = None,
        words: bool = True,
    ) -> Self:
        """What was asked by words, by a picture, or by both.

        Args:
            vector: Of all of it.
            written, meant: The words as they came and as they are understood.
            pictured: Whether there is a picture.
            image_weight, words: As of `Options`.
        """
        return cls(
            vector,
            meant if words else "",
            share=1 - (image_weight or 0) if pictured else 1.0,
            modes=tuple(mode for mode, there in ((TEXT, meant.strip()), (IMAGE, pictured)) if there),
            corrected=meant if meant != written else None,
            sides=_sides(bool(meant.strip()), pictured, image_weight),
        )


def find(parts: Sequence[Part], head: Head, query: Query, options: Options) -> Page:
    """Answers a query from the parts of a collection, the first of which knows what counts as found."""
    least = _least_probability(parts, query) if parts else 0.0
    asked = least if options.min_probability == AUTO else options.min_probability
    reach = float(head.reach(query.vector[None])[0])
    question = Question(
        query.vector,
        query.text,
        share=query.share,
        sides=query.sides,
        least_cosine=head.cosine_at(least if asked is None else float(asked), reach),
        only_matches=asked is not None,
        **options.arrangement,
    )
    found = answer(parts, question)
    results = results_of(found.hits, head, reach)
    return Page(results, not found.matched, query.corrected, found.total, found.facets)


def results_of(hits: Sequence[Hit], head: Head, reach: float) -> list[Result]:
    """Hits of a query of this reach with score and probability."""
    scores = head.score(np.array([hit.order for hit in hits], np.float32))
    meant = head.score(np.array([hit.nearness for hit in hits], np.float32))
    probabilities = head.probability(meant, reach)
    return [
        Result(
            hit.product_id,
            float(score),
            float(probability),
            hit.rank,
            hit.attributes,
            {
                "cosine": hit.score,
                "reach": hit.reach,
                "words": hit.words,
                "word_weight": hit.word_weight,
                "text": hit.text,
                "text_weight": hit.text_weight,
                "code": hit.code,
            },
            hit.variants,
        )
        for hit, score, probability in zip(hits, scores, probabilities, strict=True)
    ]


def _sides(worded: bool, pictured: bool, image_weight: float | None) -> Sides:
    """How much of a query's vector is words, and how much a picture."""
    if not (worded and pictured):
        return float(worded), float(pictured)
    return FUSED if image_weight is None else (1 - image_weight, image_weight)


def _least_probability(parts: Sequence[Part], query: Query) -> float:
    """From which a product counts as found; 0 where it was never measured for such queries: then all do."""
    known = parts[0].index.least_probability
    least = min((known.get(mode, 0.0) for mode in query.modes), default=0.0)
    if query.modes == (TEXT,) and query.text and not any(part.index.words.knows(query.text) for part in parts):
        least = max(least, known.get(UNKNOWN, 0.0))
    return least
