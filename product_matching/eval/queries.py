"""What is asked of a model: by words, by photo, by both, by a product, by a tag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from product_matching._types import FloatArray, IntArray
from product_matching.dataset import Catalog
from product_matching.eval.baselines import baseline_columns, sample_rows
from product_matching.eval.embedding import embed_catalog, embed_titles, embed_words
from product_matching.eval.galleries import Gallery
from product_matching.metrics import Searched, search_all
from product_matching.metrics.labelled import measure_lists
from product_matching.metrics.reach import FUSED, NEITHER, PICTURE, WORDS, Sides
from product_matching.metrics.searching import Blocks, blocks
from product_matching.model import ProductModel

MOST_PHOTOS, MOST_ALIKE, MOST_VALUES = 2_000, 2_000, 100
"""Photos that are asked with, products whose like is looked for, values of a column that are asked for."""
LEAST_OF_A_VALUE, CHUNK = 2, 512


@dataclass(frozen=True)
class Question:
    """Queries of one sort.

    Attributes:
        name: Such as `text_to_image`.
        vectors: float32 [Q, D].
        asked: int64 [Q], rows of the products asked for.
        gallery: The view that is searched.
        sides: What part of the queries is words and what part is pictures.
        note: What is to be known of the queries.
    """

    name: str
    vectors: FloatArray
    asked: IntArray
    gallery: str
    sides: Sides
    note: str = ""


@dataclass(frozen=True)
class Alike:
    """Queries for all products that share a value: of a kind, of a colour, with a tag.

    Attributes:
        name: `product_to_product`, `tag_to_product` or `tag_to_image`.
        column: Where the value stands; `"family"` or `"tags"` beside the table's own.
        vectors: float32 [Q, D].
        values: str [Q], what is asked for.
        asked: int64 [Q], rows of the products asked with, which are not to be found; empty where it is words.
        gallery: The view that is searched.
        sides: What part of the queries is words and what part is pictures; neither for whole products.
    """

    name: str
    column: str
    vectors: FloatArray
    values: np.ndarray
    asked: IntArray
    gallery: str
    sides: Sides = NEITHER


def questions(
    model: ProductModel, catalog: Catalog, views: dict[str, FloatArray], rows: IntArray
) -> Iterator[Question]:
    """The queries for one product.

    `text_to_image`, `image_to_text`: whole text and first image of products that have both; `text_to_product`: the
    title alone; `image_to_product`: a photo alone, the second one where a product has several; `photo_text_to_product`:
    the photo with the title. Of more than `MOST_PHOTOS` products, the photos of so many are drawn.

    Args:
        model: A trained model.
        catalog: The products.
        views: Their vectors.
        rows: int64 [M], products with image and text.
    """
    yield Question("text_to_image", views["text"][rows], rows, "image", WORDS)
    yield Question("image_to_text", views["image"][rows], rows, "text", PICTURE)
    titled = np.flatnonzero(catalog.table["title"] != "")
    if len(titled):
        yield Question("text_to_product", embed_titles(model, catalog)[titled], titled, "product", WORDS)
    asked = sample_rows(rows, MOST_PHOTOS)
    photos = [cell.split("|") for cell in catalog.table["image"].iloc[asked]]
    table = catalog.table.iloc[asked].assign(image=[names[min(1, len(names) - 1)] for names in photos])
    found = embed_catalog(model, replace(catalog, table=table.assign(description="", tags=""), lines=catalog.lines[:0]))
    others = sum(len(names) > 1 for names in photos)
    note = f"{others} of {len(asked)} are a second one, the others the very one that is part of the product"
    yield Question("image_to_product", found["image"], asked, "product", PICTURE, note)
    titled = (table["title"] != "").to_numpy()
    if titled.any():
        yield Question("photo_text_to_product", found["product"][titled], asked[titled], "product", FUSED, note)


def questions_alike(
    model: ProductModel, catalog: Catalog, views: dict[str, FloatArray], *, category: str = ""
) -> Iterator[Alike]:
    """The queries for all products that share a value, of the columns that tell kind and colour.

    `product_to_product`: with a whole product, for others of its kind and, where products stand in families of several,
    for others of its family; `tag_to_product`, `tag_to_image`: with a value of a column or a tag, typed as words.
    """
    column = catalog.category_column(category)
    for name in (column, "family") if column else ("family",):
        values = labels(catalog, name)
        counts = Counter(values.tolist())
        rows = sample_rows(np.flatnonzero([counts[value] > 1 and value != "" for value in values]), MOST_ALIKE)
        if len(rows):
            yield Alike("product_to_product", name, views["product"][rows], values[rows], rows, "product")
    nobody, wanted = np.zeros(0, np.int64), {}
    for name in (*baseline_columns(catalog, category), "tags"):
        counts = Counter({value: len(rows) for value, rows in _places(labels(catalog, name), name).items() if value})
        values = [value for value, count in counts.most_common(MOST_VALUES) if count >= LEAST_OF_A_VALUE]
        if values:
            wanted[name] = values
    # One call for all: each would trace the text tower again.
    every = list(dict.fromkeys(value for values in wanted.values() for value in values))
    vectors = dict(zip(every, embed_words(model, every), strict=True)) if every else {}
    for name, values in wanted.items():
        for gallery in ("product", "image"):
            asked = np.stack([vectors[value] for value in values])
            yield Alike(f"tag_to_{gallery}", name, asked, np.array(values, object), nobody, gallery, WORDS)


def answer(question: Question, asked_of: Catalog, gallery: Gallery) -> tuple[Searched, int]:
    """Asks among the products of a catalogue.

    Args:
        question: The queries.
        asked_of: The products that were asked for, of the same shop.
        gallery: The products that are searched; of views `image` and `text`, those that have both.

    Returns:
        What was found, and among how many it was searched.
    """
    found, items = gallery.items(question.gallery)
    searched = search_all(
        gallery.ranker.queries(question.vectors, question.sides),
        items,
        query_groups=asked_of.groups()[question.asked],
        gallery_groups=gallery.catalog.groups()[found],
    )
    return searched._replace(first=found[searched.first]), len(found)


def answer_alike(alike: Alike, asked_of: Catalog, gallery: Gallery) -> dict[str, Any]:
    """The numbers of `metrics.list_metrics`, among the products of a catalogue; `{}` where nothing is relevant."""
    found, items = gallery.items(alike.gallery)
    scored = blocks(gallery.ranker.queries(alike.vectors, alike.sides), items, CHUNK)
    return answer_alike_scored(alike, gallery.catalog, asked_of, scored, found)


def answer_alike_scored(
    alike: Alike, catalog: Catalog, asked_of: Catalog, scored: Blocks, found: IntArray
) -> dict[str, Any]:
    """As `answer_alike`, of scores that something else gives for the products in the rows `found` of the catalogue."""
    places = _places(labels(catalog, alike.column)[found], alike.column)
    nothing = np.zeros(0, np.int64)
    relevant = [places.get(value, nothing) for value in alike.values]
    left_out = None
    if len(alike.asked):
        # Another listing of the asked product is no find; in a family it is what is looked for.
        same = _places(_identity(catalog, alike.column)[found])
        left_out = [same.get(key, nothing) for key in _identity(asked_of, alike.column)[alike.asked].tolist()]
    if not any(len(np.setdiff1d(rows, left_out[i] if left_out else [])) for i, rows in enumerate(relevant)):
        return {}
    return measure_lists(scored, len(found), relevant, left_out=left_out)


def labels(catalog: Catalog, column: str) -> np.ndarray:
    """The values of a column, of the tags, or the numbers of families: str objects [N]."""
    if column == "family":
        return catalog.families().astype(str).astype(object)
    return catalog.table[column].to_numpy().astype(object)


def _identity(catalog: Catalog, column: str) -> np.ndarray:
    return catalog.table["product_id"].to_numpy().astype(object) if column == "family" else catalog.groups()


def _places(values: np.ndarray, column: str = "") -> dict[Any, IntArray]:
    """Where each value of a column stands, ascending; a cell of tags holds several."""
    found: dict[Any, list[int]] = {}
    for place, cell in enumerate(values.tolist()):
        for value in dict.fromkeys(cell.split("|")) if column == "tags" else (cell,):
            found.setdefault(value, []).append(place)
    return {value: np.array(places) for value, places in found.items()}
