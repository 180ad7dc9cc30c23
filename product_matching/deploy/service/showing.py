"""The routes around it: health, metrics, the page, pictures of products."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from importlib import resources

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from product_matching.deploy.service.metrics import MEDIA_TYPE
from product_matching.deploy.service.problems import Problem
from product_matching.deploy.service.schemas import About, Facet, Health
from product_matching.deploy.service.shop import Shop
from product_matching.search.facets import count_facet, facet_names
from product_matching.search.live_index import Snapshot

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


class Showing:
    """What operators and the page ask for."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._page, self._docs = _read("page.html"), _read("docs.html")
        self._facets: tuple[Snapshot | None, list[Facet]] = (None, [])

    async def healthz(self) -> Health:
        """Whether the process lives."""
        return Health(status="alive")

    async def readyz(self) -> Health:
        """Whether it can answer: model loaded and tried, writes replayed, not shutting down."""
        if not self._shop.ready:
            raise Problem(503, "Not ready: starting or shutting down.", headers={"Retry-After": "1"})
        return Health(status="ready", products=self._shop.now.live.size, bundle=self._shop.now.bundle.folder.name)

    async def metrics(self) -> Response:
        """Figures for Prometheus."""
        return Response(self._shop.metrics.text(), headers={"content-type": MEDIA_TYPE})

    async def about(self) -> About:
        """What the index holds and can be filtered by."""
        now = self._shop.now.live.snapshot
        if self._facets[0] is not now:
            self._facets = (now, await asyncio.to_thread(facets_of, now))
        return About(
            products=self._shop.now.live.size,
            threshold=self._shop.now.head.threshold,
            recommender=self._shop.now.shoppers.name,
            facets=self._facets[1],
        )

    async def image(self, request: Request, product_id: str) -> Response:
        """A small picture of a product of the index."""
        data = await asyncio.to_thread(self._shop.now.picture, product_id)
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "private, max-age=300"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type="image/jpeg", headers=headers)

    async def page(self) -> Response:
        """The page."""
        return self._page

    async def docs(self) -> Response:
        """The description of these routes, for people."""
        return self._docs


def facets_of(snapshot: Snapshot) -> list[Facet]:
    """A range for each attribute of numbers, the values with their counts for one of few words; others have none."""
    base = snapshot.base.products.frame
    frames = [base[~base["product_id"].isin(list(snapshot.hidden))] if snapshot.hidden else base]
    frames += [] if snapshot.overlay is None else [snapshot.overlay.products.frame]
    found = [
        count_facet(name, [frame[name] for frame in frames if name in frame.columns], asked=False)
        for name in facet_names(frames)
    ]
    return [Facet(**facet.to_dict()) for facet in found if facet is not None]


def _read(name: str) -> HTMLResponse:
    """A page of ours, with a policy under which it alone may run: its own script and style, by their hashes."""
    text = resources.files("product_matching.deploy.service").joinpath(name).read_text(encoding="utf-8")
    hashes = {"script": "'none'", "style": "'none'"}
    for kind, content in _INLINE.findall(text):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes[kind] = f"'sha256-{digest}'"
    policy = (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; connect-src 'self'; "
        "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(text, headers={"content-security-policy": policy, "cache-control": "no-cache"})
