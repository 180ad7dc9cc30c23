"""Does search by words and vectors together beat both of its halves?

Queries are made from the catalogue by a seed: `title` (a third of a title's words left out), `attributes` (two or three
values of a product's attributes in any order) and both again with a typo (two neighbouring letters of a longer word
swapped, or one left out). What is looked for: the products of that title; the products that have all those values.
Vectors are those of a pretrained text encoder that never saw the catalogue, of title, description and tags; or those
of a bundle, in its index, and then queries are made of the products that its training held out. Hybrid ranks by the
weights of words and of texts that the index has chosen for itself, as `SearchEngine` does. All three ways get the text
as the speller mends it, or (`"spelling": false`) as it is typed.

Commands; the first takes two busy cores 3 to 8 minutes, most of it embedding (kept in --cache, a file for each
catalogue):

    python -m benchmarks.hybrid CATALOG --encoder DIR --attributes type color [--cache FILE] [--products 5000]
    python -m benchmarks.hybrid CATALOG --bundle BUNDLE --attributes type color

Prints one JSON object a line: nDCG@10 with 95 % bootstrap intervals, and the paired differences of hybrid and a half.

Time: three to eight minutes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from product_matching.bundle import load_bundle
from product_matching.cli.evaluate import select_part
from product_matching.dataset import load_data
from product_matching.metrics.reach import WORDS
from product_matching.search import ProductIndex

K = 10
Asked = tuple[str, str, set[int]]


def make_queries(
    table: pd.DataFrame, attributes: list[str], count: int, *, of: np.ndarray | None = None, seed: int = 0
) -> list[Asked]:
    """Queries as (kind, text, rows looked for), `count` of each of four kinds, made of all rows or of some."""
    generator = np.random.default_rng(seed)
    some = np.arange(len(table)) if of is None else of
    rows_of_title: dict[str, set[int]] = {}
    for row, title in enumerate(table["title"]):
        rows_of_title.setdefault(title, set()).add(row)
    asked_of = dict.fromkeys(table["title"].iloc[some])
    titles = [title for title in rows_of_title if title in asked_of and len(title.split()) >= 2]
    cells = {name: table[name].fillna("").astype(str).str.strip() for name in attributes}
    asked: list[Asked] = [
        ("title", _without_a_third(title.split(), generator), rows_of_title[title])
        for title in generator.permutation(titles)[:count]
    ]
    while sum(kind == "attributes" for kind, *_ in asked) < count:
        row = int(some[generator.integers(len(some))])
        there = [name for name in attributes if cells[name][row]]
        if len(there) < 2:
            continue
        chosen = generator.permutation(there)[: int(generator.integers(2, 4))]
        same = np.logical_and.reduce([cells[name] == cells[name][row] for name in chosen])
        asked.append(("attributes", " ".join(cells[name][row] for name in chosen), set(np.flatnonzero(same).tolist())))
    return asked + [(f"{kind} + typo", _mistyped(text, generator), rows) for kind, text, rows in asked]


def _without_a_third(words: list[str], generator: np.random.Generator) -> str:
    kept = max(1, len(words) - round(len(words) / 3))
    return " ".join(words[at] for at in np.sort(generator.permutation(len(words))[:kept]))


def _mistyped(text: str, generator: np.random.Generator) -> str:
    words = text.split()
    long = [at for at, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not long:
        return text
    at = int(generator.choice(long))
    word, place = words[at], int(generator.integers(1, len(words[at]) - 2))
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    words[at] = swapped if generator.random() < 0.5 and swapped != word else word[:place] + word[place + 1 :]
    return " ".join(words)


def ndcg(found: list[int], wanted: set[int]) -> float:
    """nDCG@10 of binary relevance."""
    gains = [1 / np.log2(rank + 2) for rank, row in enumerate(found[:K]) if row in wanted]
    return float(sum(gains) / sum(1 / np.log2(rank + 2) for rank in range(min(K, len(wanted)))))


def interval(values: np.ndarray, *, seed: int = 0) -> list[float]:
    """Mean and 95 % bootstrap interval of values [Q]."""
    draws = np.random.default_rng(seed).integers(len(values), size=(2000, len(values)))
    return [float(values.mean()), *map(float, np.percentile(values[draws].mean(axis=1), [2.5, 97.5]))]


def main() -> None:
    """Prints one JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("catalog", type=Path)
    vectors = parser.add_mutually_exclusive_group(required=True)
    vectors.add_argument("--encoder")
    vectors.add_argument("--bundle")
    parser.add_argument("--attributes", nargs="+", required=True)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "hybrid_vectors.npz")
    parser.add_argument("--products", type=int, default=5000)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    if options.bundle:
        by_bundle(options)
        return
    table = load_data(options.catalog).table
    rows = np.random.default_rng(0).permutation(len(table))[: options.products]
    table = table.iloc[np.sort(rows)].reset_index(drop=True)
    asked = make_queries(table, options.attributes, options.queries)
    vectors = _embedded(table, asked, options)
    index = ProductIndex.build(vectors["products"], table, backend="exact")
    for spelling in (True, False):
        print_results(index, asked, vectors, spelling=spelling)


def by_bundle(options: argparse.Namespace) -> None:
    """The three ways with a trained bundle and its index, asked for what its training held out."""
    bundle = load_bundle(options.bundle)
    index = ProductIndex.load(bundle.folder / "index")
    catalog = load_data(options.catalog, **bundle.grouping)
    held_out = set(select_part(bundle, catalog, "test").table["product_id"])
    table = catalog.table.set_index("product_id").loc[index.product_ids].reset_index()
    of = np.flatnonzero(table["product_id"].isin(held_out))
    asked = make_queries(table, options.attributes, options.queries, of=of)
    texts = {"typed": [text for _, text, _ in asked]}
    texts["mended"] = [index.words.speller.corrected(text) for text in texts["typed"]]
    vectors = {name: bundle.encoders.embed_text(lines) for name, lines in texts.items()}
    for spelling in (True, False):
        print_results(index, asked, vectors, spelling=spelling)


def _embedded(table: pd.DataFrame, asked: list[Asked], options: argparse.Namespace) -> dict[str, np.ndarray]:
    speller = ProductIndex.build(np.ones((len(table), 1)), table, backend="exact").words.speller
    texts = {
        "products": [". ".join(row) for row in table[["title", "description", "tags"]].itertuples(index=False)],
        "typed": [text for _, text, _ in asked],
        "mended": [speller.corrected(text) for _, text, _ in asked],
    }
    if not options.cache.is_file():
        from product_matching import TextEncoder

        encoder = TextEncoder.from_pretrained(options.encoder)
        np.savez(options.cache, **{name: encoder.encode(list(map(str, lines))) for name, lines in texts.items()})
    return dict(np.load(options.cache))


def print_results(index: ProductIndex, asked: list[Asked], vectors: dict[str, np.ndarray], *, spelling: bool) -> None:
    """One line a kind of query and way to search, and one of differences a kind."""
    place = {name: row for row, name in enumerate(index.product_ids)}
    values: dict[str, list[float]] = {"words": [], "vectors": [], "hybrid": []}
    for (_, text, wanted), vector in zip(asked, vectors["mended" if spelling else "typed"], strict=True):
        meant = index.words.speller.corrected(text) if spelling else text
        scores = index.words.scores(meant)
        by_words = np.argsort(-scores, kind="stable")[:K]
        values["words"].append(ndcg([int(row) for row in by_words if scores[row] > 0], wanted))
        values["vectors"].append(
            ndcg([place[hit.product_id] for hit in index.search(vector, k=K, sides=WORDS)[0]], wanted)
        )
        hybrid = index.search_words(meant, vector, k=K, sides=WORDS)
        values["hybrid"].append(ndcg([place[hit.product_id] for hit in hybrid], wanted))
    kinds = np.array([kind for kind, *_ in asked])
    for kind in ["all", *dict.fromkeys(kinds)]:
        chosen = np.ones(len(kinds), bool) if kind == "all" else kinds == kind
        rows = {way: np.array(found)[chosen] for way, found in values.items()}
        line = {"spelling": spelling, "queries": kind, "count": int(chosen.sum())}
        line |= {way: interval(found) for way, found in rows.items()}
        line |= {f"hybrid - {way}": interval(rows["hybrid"] - rows[way]) for way in ("words", "vectors")}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
