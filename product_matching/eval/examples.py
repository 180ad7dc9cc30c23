"""The searches of an evaluation that went best and worst, with their pictures."""

from __future__ import annotations

import numpy as np

from product_matching._types import FloatArray
from product_matching.dataset import Catalog
from product_matching.eval.contact_sheet import Row, Tile
from product_matching.metrics import Searched, first_relevant_rank, search_all


def best_and_worst(
    catalog: Catalog,
    views: dict[str, FloatArray],
    *,
    count: int = 3,
    k: int = 6,
    searched: Searched | None = None,
) -> list[Row]:
    """Text to image: the `count` best searches, then the `count` worst, as rows of a contact sheet.

    The best are those that stand furthest ahead of the next product, the worst those whose product comes last. The last
    tile of a row is the picture that was looked for.

    Args:
        catalog: The products that were evaluated.
        views: Their vectors, of `embed_catalog`.
        count: Rows of each.
        k: Results shown of each.
        searched: Of text to image, where `judge` has asked already.
    """
    words = catalog.table["title"].where(catalog.table["title"] != "", catalog.table["description"])
    rows = catalog.with_image_and_text()
    groups = catalog.groups()[rows]
    texts, images = views["text"][rows], views["image"][rows]
    known = searched or search_all(texts, images, query_groups=groups, gallery_groups=groups)
    first = first_relevant_rank(known.ranks)
    best = np.argsort(-known.leads, kind="stable")[:count]
    worst = np.argsort(-first, kind="stable")[:count]
    paths, titles = np.array(catalog.image_paths(), dtype=object)[rows], words.to_numpy()[rows]

    def row(query: int) -> Row:
        found = np.argsort(-(images @ texts[query]), kind="stable")[:k]
        tiles = [Tile(paths[i], titles[i], bool(groups[i] == groups[query])) for i in found]
        return Row(f"{titles[query]} (rank {first[query]})", [*tiles, Tile(paths[query], "what was looked for")])

    return [row(query) for query in (*best, *worst)]
