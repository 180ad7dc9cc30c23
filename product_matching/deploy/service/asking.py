"""The routes that read: search, match, recommend, embed."""

from __future__ import annotations

import asyncio

import numpy as np
from starlette.requests import Request

from product_matching.deploy.service.bodies import read_body
from product_matching.deploy.service.edition import Edition
from product_matching.deploy.service.schemas import (
    EmbedRequest,
    EmbedResponse,
    Item,
    Matched,
    MatchRequest,
    MatchResponse,
    RecommendRequest,
    SearchRequest,
    SearchResponse,
)
from product_matching.deploy.service.shop import Shop
from product_matching.search import Hit, Options, Query, blended


class Asking:
    """Questions to a shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def search(self, request: Request) -> SearchResponse:
        """Finds products by words, by a picture, by both, or like another product."""
        asked = await read_body(request, SearchRequest)
        with self._shop.using() as edition:
            if asked.product_id is not None:
                query, exclude = Query(edition.known(asked.product_id)[0]), (asked.product_id,)
            else:
                query, exclude = await _query(edition, asked), ()
            options = Options(
                k=asked.k,
                offset=asked.offset,
                group_by=asked.group_by,
                diversity=asked.diversity,
                facets=tuple(asked.facets),
                min_probability=asked.min_probability,
            )
            return await edition.search(query, options, filters=asked.filters, exclude=exclude)

    async def match(self, request: Request) -> MatchResponse:
        """Tells how probable it is that pairs belong together."""
        asked = await read_body(request, MatchRequest)
        with self._shop.using() as edition:
            left = await _vectors(edition, [pair.left for pair in asked.pairs])
            right = await _vectors(edition, [pair.right for pair in asked.pairs])
        head = edition.head
        scores = head.score(np.sum(left * right, axis=1))
        probabilities = head.probability(scores, head.reach(left), head.reach(right))
        pairs = [
            Matched(probability=probability, score=score, match=probability >= head.threshold)
            for score, probability in zip(scores.tolist(), probabilities.tolist(), strict=True)
        ]
        return MatchResponse(threshold=head.threshold, pairs=pairs)

    async def embed(self, request: Request) -> EmbedResponse:
        """Embeds texts, pictures and products."""
        asked = await read_body(request, EmbedRequest)
        with self._shop.using() as edition:
            vectors = await _vectors(edition, asked.items)
        return EmbedResponse(dim=vectors.shape[1], embeddings=vectors.tolist())

    async def recommend(self, request: Request) -> SearchResponse:
        """Ranks products for a shopper."""
        asked = await read_body(request, RecommendRequest)
        with self._shop.using() as edition:
            allowed = await asyncio.to_thread(edition.allowed_ids, asked.filters)
            rows = await asyncio.to_thread(
                edition.shoppers.recommend,
                asked.user_id,
                asked.history,
                k=asked.k,
                allowed=allowed,
                include_seen=asked.include_seen,
            )
            found = []
            for rank, (name, score, probability) in enumerate(rows, 1):
                attributes = edition.known(name)[1] if name in edition.live else {}
                hit = Hit(name, score, rank, attributes)
                found.append(edition.shown(hit, score=score, probability=probability))
        return SearchResponse(results=found)


async def _query(edition: Edition, asked: SearchRequest) -> Query:
    embed = edition.embedder.embed
    text = edition.live.corrected(asked.text) if asked.spelling else asked.text
    if asked.image_weight is None or not (text.strip() and asked.image):
        vector = await embed(text=text, image=asked.image)
    else:
        words, picture = await asyncio.gather(embed(text=text), embed(image=asked.image))
        vector = blended(words, picture, asked.image_weight)
    return Query.of(vector, asked.text, text, pictured=bool(asked.image), image_weight=asked.image_weight)


async def _vectors(edition: Edition, items: list[Item]) -> np.ndarray:
    return np.stack(await asyncio.gather(*map(edition.vector_of, items)))
