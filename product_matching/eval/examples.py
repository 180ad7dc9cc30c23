"""The searches of an evaluation that went best and worst, with their pictures."""

from __future__ import annotations

import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog
from product_matching.eval.contact_sheet import Row, Tile
from product_matching.metrics import RelevantRanks, first_relevant_rank, query_ranks

CHUNK = 256


def best_and_worst(
    catalog: Catalog,
    views: dict[str, FloatArray],
    *,
    count: int = 3,
    k: int = 6,
    ranks: RelevantRanks | None = None,
) -> list[Row]:
    """Text to image: the `count` best searches, then the `count` worst, as rows of a contact sheet.

    The best are those that stand furthest ahead of the next product, the worst those whose product comes last. The last
    tile of a row is the picture that was looked for.

    Args:
        catalog: The products that were evaluated.
        views: Their vectors, of `embed_catalog`.
        count: Rows of each.
        k: Results shown of each.
        ranks: Of text to image, where `judge` has found them already.
    """
    words = catalog.table["title"].where(catalog.table["title"] != "", catalog.table["description"])
    rows = np.flatnonzero((catalog.table["image"] != "") & (words != ""))
    groups = catalog.groups()[rows]
    texts, images = views["text"][rows], views["image"][rows]
    known = ranks or query_ranks(texts, images, query_groups=groups, gallery_groups=groups)
    first = first_relevant_rank(known)
    leads = _leads(texts, images, groups)
    best = np.argsort(-leads, kind="stable")[:count]
    worst = np.argsort(-first, kind="stable")[:count]
    paths, titles = np.array(catalog.image_paths(), dtype=object)[rows], words.to_numpy()[rows]

    def row(query: int) -> Row:
        found = np.argsort(-(images @ texts[query]), kind="stable")[:k]
        tiles = [Tile(paths[i], titles[i], bool(groups[i] == groups[query])) for i in found]
        return Row(f"{titles[query]} (rank {first[query]})", [*tiles, Tile(paths[query], "what was looked for")])

    return [row(query) for query in (*best, *worst)]


def _leads(texts: FloatArray, images: FloatArray, groups: IntArray) -> FloatArray:
    """How far the best wanted picture of each text stands ahead of the best other one."""
    found = []
    for start in range(0, len(texts), CHUNK):
        scores = texts[start : start + CHUNK] @ images.T
        wanted = groups[start : start + CHUNK, None] == groups
        query, picture = np.nonzero(wanted)
        best = np.full(len(scores), -np.inf, scores.dtype)
        np.maximum.at(best, query, scores[query, picture])
        scores[query, picture] = -np.inf
        others = scores.max(axis=1)
        found.append(np.where(np.isfinite(others), best - others, 0.0))
    return np.concatenate(found)
