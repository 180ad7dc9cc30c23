"""The routes of a curator: pairs to look at, what was said of them, and that as pairs to learn from."""

from __future__ import annotations

import asyncio
import csv
import io
import random
from itertools import islice
from typing import Literal

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from product_matching.deploy.service.bodies import read_body
from product_matching.deploy.service.edition import Edition
from product_matching.deploy.service.problems import Problem
from product_matching.deploy.service.schemas import Label, LabelsResponse, ReviewResponse, Suggestion
from product_matching.deploy.service.shop import Shop
from product_matching.search import Hit
from product_matching.search.live_index import Snapshot

NEIGHBOURS = 4
LOOK = {"duplicate": 2000, "mismatch": 96}
"""So many more products are looked at for each question; pictures take the model's time, which shoppers share."""
TOGETHER = 16
SIDES = ("title", "description", "tags")
Kind = Literal["duplicate", "mismatch"]
Pair = tuple[str, str]


class Curating:
    """What a catalogue's keeper asks.

    Each question looks at more products, in random order, and keeps what it found. Products that were written since the
    index was built come when it is built anew.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._of: tuple[Edition, Snapshot] | None = None
        self._waiting: dict[Kind, list[str]] = {}
        self._found: dict[Kind, dict[Pair, float]] = {}
        self._lock = asyncio.Lock()

    async def review(self, kind: Kind, k: int = 20) -> ReviewResponse:
        """Pairs that nobody has labelled: the most alike products, or those whose picture and words fit least."""
        if not 1 <= k <= 100:
            raise Problem(422, "k takes a number from 1 to 100.")
        async with self._lock:
            with self._shop.using() as edition:
                self._begin(edition)
                look = [name for name in self._next(kind) if name in edition.live]
                found = self._found[kind]
                found |= await (self._alike(edition, look) if kind == "duplicate" else self._fit(edition, look))
                labels = await asyncio.to_thread(self._shop.store.labels)
                done = {(row["left_id"], row["right_id"]) for row in labels if row["kind"] == kind}
                open_pairs = [(pair, p) for pair, p in found.items() if pair not in done and _there(edition, pair)]
                worst_first = sorted(open_pairs, key=lambda entry: -entry[1] if kind == "duplicate" else entry[1])
                suggestions = [_suggestion(edition, kind, pair, p) for pair, p in worst_first[:k]]
                left = len(self._waiting[kind])
        return ReviewResponse(suggestions=suggestions, waiting=left, labelled=len(done))

    async def label(self, request: Request) -> Label:
        """Keeps what a curator says of a pair; `match: null` takes it back."""
        label = await read_body(request, Label)
        pair = (label.left_id, label.right_id)
        if label.kind == "duplicate":
            pair = (min(pair), max(pair))
        async with self._shop.writing:
            await asyncio.to_thread(self._shop.store.label, label.kind, *pair, label.match)
        return label.model_copy(update={"left_id": pair[0], "right_id": pair[1]})

    async def labels(self) -> LabelsResponse:
        """All that curators said, the oldest first."""
        rows = await asyncio.to_thread(self._shop.store.labels)
        return LabelsResponse(labels=[Label(**row) for row in rows])

    async def table(self) -> Response:
        """The labelled pairs of products as CSV: what `train-pairs` learns from."""
        rows = await asyncio.to_thread(self._shop.store.labels)
        out = io.StringIO()
        names = [f"{side}_{name}" for side in ("left", "right") for name in ("id", *SIDES)]
        table = csv.writer(out)
        table.writerow([*names, "label"])
        with self._shop.using() as edition:
            for row in rows:
                pair = (row["left_id"], row["right_id"])
                if row["kind"] == "duplicate" and _there(edition, pair):
                    cells = [cell for name in pair for cell in (name, *_words(edition, name))]
                    table.writerow([*map(_harmless, cells), int(row["match"])])
        headers = {"content-disposition": 'attachment; filename="pairs.csv"'}
        return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    def _begin(self, edition: Edition) -> None:
        now = edition.live.snapshot
        if self._of is not None and self._of[0] is edition and self._of[1].base is now.base:
            return
        names = edition.live.ids([])
        random.Random(0).shuffle(names)
        self._of, self._found = (edition, now), {"duplicate": {}, "mismatch": {}}
        self._waiting = {"duplicate": list(names), "mismatch": list(names)}

    def _next(self, kind: Kind) -> list[str]:
        waiting = self._waiting[kind]
        look, self._waiting[kind] = waiting[: LOOK[kind]], waiting[LOOK[kind] :]
        return look

    async def _alike(self, edition: Edition, names: list[str]) -> dict[Pair, float]:
        return await asyncio.to_thread(_neighbours, edition, names) if names else {}

    async def _fit(self, edition: Edition, names: list[str]) -> dict[Pair, float]:
        found, rest = {}, iter(names)
        while part := list(islice(rest, TOGETHER)):
            given = [(name, *await asyncio.to_thread(_picture_and_words, edition, name)) for name in part]
            both = [row for row in given if row[1] and row[2]]
            results = await asyncio.gather(*(_fits(edition, *row) for row in both))
            found |= {(name, name): p for name, p in results if p is not None}
        return found


def _neighbours(edition: Edition, names: list[str]) -> dict[Pair, float]:
    base, head, found = edition.live.snapshot.base, edition.head, {}
    known = [name for name in names if name in edition.live.snapshot.in_base and name in edition.live]
    if not known:
        return {}
    vectors = base.vectors_of(known)
    for name, vector, hits in zip(known, vectors, base.search(vectors, k=NEIGHBOURS), strict=True):
        others = [hit for hit in hits if hit.product_id != name and hit.product_id in edition.live]
        if not others:
            continue
        right = base.vectors_of([hit.product_id for hit in others])
        left = np.broadcast_to(vector, right.shape)
        scores = head.score(np.sum(left * right, axis=1))
        for hit, p in zip(others, head.probability(scores, head.reach(left), head.reach(right)), strict=True):
            pair = (min(name, hit.product_id), max(name, hit.product_id))
            found[pair] = float(p)
    return found


async def _fits(edition: Edition, name: str, picture: bytes, words: str) -> tuple[str, float | None]:
    try:
        seen, read = await asyncio.gather(edition.embedder.embed(image=picture), edition.embedder.embed(text=words))
    except Problem:  # a picture that cannot be read, or a service that is busy with shoppers
        return name, None
    head, left, right = edition.head, seen[None], read[None]
    scores = head.score(np.sum(left * right, axis=1))
    return name, float(head.probability(scores, head.reach(left), head.reach(right))[0])


def _picture_and_words(edition: Edition, name: str) -> tuple[bytes, str]:
    attributes = edition.known(name)[1]
    where = attributes.get("image")
    try:
        picture = edition.file_of(name) if where else b""
    except OSError:
        picture = b""
    return picture, str(attributes.get("title") or "")


def _words(edition: Edition, name: str) -> list[str]:
    attributes = edition.known(name)[1]
    return [str(attributes.get(column) or "") for column in SIDES]


def _harmless(cell: str) -> str:
    """A spreadsheet takes such a cell for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _there(edition: Edition, pair: Pair) -> bool:
    return all(name in edition.live for name in pair)


def _suggestion(edition: Edition, kind: Kind, pair: Pair, probability: float) -> Suggestion:
    left, right = (
        edition.shown(Hit(name, probability, 1, edition.known(name)[1]), score=probability, probability=None)
        for name in pair
    )
    return Suggestion(kind=kind, probability=probability, left=left, right=right)
