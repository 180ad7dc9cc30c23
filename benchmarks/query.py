"""How much longer than the text tower alone does a search by words take, from the words to a page of results?

Data: the sample shop without its pictures, `--products` rows, and its attribute queries and pieces of titles in
English and Chinese. A model of the preset is trained for a moment on a small sample shop (the time of a forward pass
does not depend on what was learned) and embeds what the rows say; the index is that of `product-matching index`:
ScaNN, BM25, spelling.

Each query is asked in turn, one at a time, of the text tower alone (its tokens to its vector, a compiled function that
does nothing else), of the signature `embed_text` (cleaning, tokenising, tower, fusion), and of `SearchEngine.search`,
words to ten results with their attributes; so other work on the machine slows all alike. Ratios are of medians.
`--profile` tells where the time goes.

Command:

    python -m benchmarks.query [--products 40000] [--preset small] [--set KEY=VALUE …] [--queries 400]
        [--keep DIR] [--profile]

Prints one JSON object a line.

Time: three minutes.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TRAINED_ON, WARM_UP = 600, 30


def shop_table(products: int, seed: int = 0) -> pd.DataFrame:
    """The sample shop's table as it is written to disk, without pictures."""
    from product_matching.dataset.sample_shop.listing import draw_listing
    from product_matching.dataset.sample_shop.shop import _row

    return pd.DataFrame([_row(number, draw_listing(seed, number)) for number in range(products)]).assign(image="")


def trained_bundle(folder: Path, preset: str, changes: Sequence[str]) -> tuple[Any, Any]:
    """A bundle of the preset, changed, and its Keras model, after an epoch on a small shop."""
    import product_matching as pm
    from product_matching.bundle import load_bundle
    from product_matching.dataset import make_sample_shop
    from product_matching.train import fit

    catalog = pm.load_data(make_sample_shop(folder / "shop", products=TRAINED_ON).catalog)
    train, val, _ = catalog.split(seed=0)
    config = pm.load_config(preset, ["train.epochs=1", *changes])
    model = pm.build_model(config, train)
    fit(model, train, val, config)
    return load_bundle(pm.export(model, folder / "bundle" / "1")), model


def shop_engine(bundle: Any, table: pd.DataFrame, vector_type: str = "float32") -> Any:
    """A search engine over the whole table; a product's vector is that of its title and description."""
    from product_matching.search import ProductIndex, SearchEngine

    # Not `embed_product`: its image tower would look at 40,000 blank pictures for minutes.
    vectors = bundle.encoders.embed_text((table["title"] + " " + table["description"]).tolist())
    ProductIndex.build(vectors, table, vector_type=vector_type).save(bundle.index_folder)
    return SearchEngine.load(bundle.folder)


def prepared(folder: Path, table: pd.DataFrame, options: argparse.Namespace) -> tuple[Any, Any]:
    """The engine and the Keras model, made in a folder or found there."""
    from product_matching.search import SearchEngine

    if (folder / "bundle" / "1" / "index").is_dir():
        engine = SearchEngine.load(folder / "bundle" / "1")
        return engine, engine.bundle.load_model()
    bundle, model = trained_bundle(folder, options.preset, options.set)
    return shop_engine(bundle, table, options.vectors), model


def asked(table: pd.DataFrame, count: int, seed: int = 0) -> list[str]:
    """Attribute queries and pieces of titles, half each, of both languages."""
    from product_matching.dataset.sample_shop import attribute_queries

    quarter, generator = count // 4, np.random.default_rng(seed)
    found = [query.text for lang in ("en", "zh") for query in attribute_queries(table, language=lang, count=quarter)]
    titles = [title.split() for title in table["title"].sample(2 * count, random_state=seed) if title.strip()]
    found += [" ".join(words[: int(generator.integers(1, 4))]) for words in titles[: count - len(found)]]
    return [found[place] for place in generator.permutation(len(found))]


def tower_alone(model: Any) -> Callable[[str], Callable[[], object]]:
    """From a text to a call that runs the text tower over its tokens, which are made beforehand."""
    import tensorflow as tf

    forward = tf.function(model.text_vector, reduce_retracing=True)

    def tokenised(text: str) -> Callable[[], object]:
        tokens = model.preprocessor.text(tf.constant([text]), tf.constant([""]))
        return lambda: forward(tokens).numpy()

    return tokenised


def compared(queries: Sequence[str], engine: Any, model: Any) -> dict[str, np.ndarray]:
    """Milliseconds of each query, by what answered."""
    import tensorflow as tf

    tokenised, signature = tower_alone(model), engine.bundle.encoders._module.signatures["embed_text"]
    spent: dict[str, list[float]] = {"tower": [], "embed_text": [], "search": []}
    for number, text in enumerate([*queries[:WARM_UP], *queries]):
        forward, constant = tokenised(text), tf.constant([text])
        ways = {
            "tower": forward,
            "embed_text": lambda constant=constant: signature(text=constant)["embedding"].numpy(),
            "search": lambda text=text: engine.search(text, k=10),
        }
        names = list(ways)
        for name in names[number % 3 :] + names[: number % 3]:
            begun = time.perf_counter()
            ways[name]()
            if number >= WARM_UP:
                spent[name].append(1000 * (time.perf_counter() - begun))
    return {name: np.array(values) for name, values in spent.items()}


def profiled(queries: Sequence[str], engine: Any) -> None:
    """Prints the functions that take most of the time, to standard error."""
    profile = cProfile.Profile()
    profile.enable()
    for text in queries:
        engine.search(text, k=10)
    profile.disable()
    pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(45)


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--products", type=int, default=40_000)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes of the preset")
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--vectors", default="float32", help="what they are kept as")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the bundle here, and take the one that is there")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = shop_table(options.products)
        engine, model = prepared(options.keep or Path(folder), table, options)
        queries = asked(table, options.queries)
        spent = compared(queries, engine, model)
        if options.profile:
            profiled(queries, engine)
    middle = {name: float(np.median(values)) for name, values in spent.items()}
    row = {
        "products": options.products,
        "preset": options.preset,
        "set": options.set,
        "vectors": options.vectors,
        "queries": len(queries),
    }
    row |= {f"{name} p50, ms": value for name, value in middle.items()}
    row |= {"search p95, ms": float(np.quantile(spent["search"], 0.95))}
    row |= {"ratio to tower": middle["search"] / middle["tower"]}
    row |= {"ratio to embed_text": middle["search"] / middle["embed_text"]}
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
