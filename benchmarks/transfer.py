"""How fast does a model of one shop adapt to another, fresh one?

Data: two catalogue tables. A model learns the first, SOURCE; of the second, TARGET, so many products are known, the
first of one shuffled list, and a tenth by group is the test, the same for all. Ways:
  adapted             the preset frozen trained on SOURCE; learns on, as `train --init` does, from the known products
  new                 the preset frozen, trained on the known products alone
  linear map          frozen all-MiniLM-L6-v2 and ResNet-50, ridge regression over the known products, ranked likewise
  linear map of both  the same over SOURCE and the known products
  chance
A validation tenth of TARGET gives all ways their threshold of accuracy; it is more than the smallest of these shops
would have.

    python -m benchmarks.transfer SOURCE TARGET --resnet FILE [--sizes 0 50 200 1000] [--rows 5000] [--set KEY=VALUE …]

Time: half an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from benchmarks.figures import Parts, measured, random_vectors, ranked_likewise, trained_figures
from benchmarks.matching import OURS, packaged_minilm, some_rows
from benchmarks.peers import frozen_vectors, linear_map
from product_matching.config import Config, load_config
from product_matching.dataset import Catalog, load_data
from product_matching.model import build_model
from product_matching.train import fit

FEWEST = 20
"""Known products below which nothing is trained anew."""


def main() -> None:
    """Prints one JSON object a size and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--resnet", required=True, help="weights of ResNet-50")
    parser.add_argument("--sizes", type=int, nargs="*", default=[0, 50, 200, 1000])
    parser.add_argument("--rows", type=int, default=5000, help="of each table, drawn at random; 0: all")
    parser.add_argument("--set", action="append", default=[], help="changes of the preset frozen for all trained ways")
    options = parser.parse_args()
    source, target = (some_rows(load_data(path), options.rows) for path in (options.source, options.target))
    places = {"resnet": options.resnet, "minilm": packaged_minilm()}
    changes = [change.format(**places) for change in (*OURS["frozen"], *options.set)]
    about = {"from": f"{options.source.parent.name}, {len(source):,}", "to": options.target.parent.name}
    with tempfile.TemporaryDirectory() as folder:
        config = load_config("small", [*changes, f"train.feature_cache={folder}"])
        vectors = frozen_vectors(places["minilm"], places["resnet"])
        for row in results(source.split(0), target.split(0), options.sizes, config, vectors, Path(folder)):
            print(json.dumps({**about, **row}), flush=True)


def results(
    source: Parts, target: Parts, sizes: list[int], config: Config, vectors: Any, folder: Path
) -> Iterator[dict[str, Any]]:
    """A row for each size and way."""
    learned = folder / "source.keras"
    model = build_model(config, source[0])
    fit(model, source[0], source[1], config)
    model.save(learned)
    onward = replace(config, train=replace(config.train, linear_start=False))
    order = np.random.default_rng(0).permutation(len(target[0]))
    for size in sizes:
        known = target[0].take(np.sort(order[:size]))
        parts = (known, *target[1:])
        about = {"products": len(known)}
        model = keras.models.load_model(learned)
        if len(known):
            fit(model, known, target[1], onward)
        references = known if len(known) >= FEWEST else source[0]
        yield {**about, "way": "adapted", **trained_figures(model, parts, config, references=references, fully=False)}
        if len(known) >= FEWEST:
            model = build_model(config, known)
            fit(model, known, target[1], config)
            yield {**about, "way": "new", **trained_figures(model, parts, config, fully=False)}
            yield {**about, "way": "linear map", **_mapped([known], parts, vectors)}
        both = [source[0], known] if len(known) else [source[0]]
        yield {**about, "way": "linear map of both", **_mapped(both, parts, vectors)}
    yield {"products": 0, "way": "chance", **measured(random_vectors, target, fully=False)}


def _mapped(learned: list[Catalog], parts: Parts, vectors: Any) -> dict[str, Any]:
    embed = linear_map(learned, vectors)
    return measured(embed, parts, ranked_likewise(embed, learned[-1]), fully=False)


if __name__ == "__main__":
    main()
