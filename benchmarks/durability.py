"""Does a snapshot of the index survive kill -9, and does an index under writes find what exact search finds?

Two trials, no peers; random unit vectors around centres.

* kills: a process upserts, deletes, rebuilds and saves without pause; it is killed at random moments. After each, the
  snapshot must load, belong to one of the states that were saved, and find its own vectors.
* operations: random upserts, deletes, rebuilds and searches, one after another, each search compared with exact search
  over a plain dictionary of what should be there. Deleted products must never come back, and the recall must be that
  measured when the index was built, or more.

Command, some 3 minutes on two busy cores:

    python -m benchmarks.durability [--kills 50] [--operations 10000]

Prints one JSON object a line; exits 1 where anything was wrong.

Time: three minutes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from product_matching.search import LiveIndex, ProductIndex

DIM, CENTRES, K = 24, 40, 10


def clustered(size: int, generator: np.random.Generator) -> np.ndarray:
    """Unit vectors around centres, float32 [size, 24]."""
    middle = np.random.default_rng(1).normal(size=(CENTRES, DIM))
    vectors = middle[generator.integers(CENTRES, size=size)] + 0.6 * generator.normal(size=(size, DIM))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fresh_index(size: int, generator: np.random.Generator, backend: str) -> ProductIndex:
    """An index of products p0, p1, …, all of generation 0."""
    table = pd.DataFrame({"product_id": [f"p{n}" for n in range(size)], "generation": 0, "title": "mug"})
    return ProductIndex.build(clustered(size, generator), table, backend=backend)


def write_for_ever(folder: str, size: int, backend: str, seed: int) -> None:
    """Upserts all products with the next generation, rebuilds and saves, again and again; is killed from outside."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    generator = np.random.default_rng(seed)
    live = LiveIndex(ProductIndex.load(folder))
    for generation in itertools.count(seed * 1_000_000 + 1):
        rows = clustered(size, generator)
        live.put([(f"p{n}", rows[n], {"generation": generation, "title": "mug"}) for n in range(size)])
        live.delete([f"p{int(generator.integers(size))}"])
        if generation % 2:
            live.rebuild()
        live.save(folder)


def kill_at_random(kills: int, *, size: int = 1200, backend: str = "auto", seed: int = 0) -> dict[str, Any]:
    """Kills the writer so often; tells how many snapshots could be read and were of one state."""
    draw, readable, moved = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as root:
        folder = str(Path(root) / "index")
        fresh_index(size, np.random.default_rng(seed), backend).save(folder)
        last = 0
        # Writers are forked from a server that has only this module: the caller may hold threads that do not fork.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        for number in range(kills):
            process = context.Process(target=write_for_ever, args=(folder, size, backend, number + 1))
            process.start()
            time.sleep(draw.uniform(0.0, 1.5))
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            index = ProductIndex.load(folder)
            generations = set(index.products.frame["generation"])
            own = index.search(index.exact.vectors[:50], k=1)
            found = sum(hits[0].product_id == index.product_ids[row] for row, hits in enumerate(own))
            readable += len(generations) == 1 and index.size >= size - 1 and found >= 48
            moved += generations != {last}
            last = next(iter(generations))
    return {"trial": "kills", "kills": kills, "readable": readable, "saved_anew": moved}


def interleave(operations: int, *, size: int = 3000, backend: str = "auto", seed: int = 0) -> dict[str, Any]:
    """Random writes and searches; tells the recall against exact search over what should be there."""
    generator, draw = np.random.default_rng(seed), random.Random(seed)
    base = fresh_index(size, generator, backend)
    live, wanted = LiveIndex(base), dict(zip(base.product_ids, base.exact.vectors, strict=True))
    hits = asked = ghosts = rebuilds = 0
    lowest = base.backend.info.get("recall@10", 1.0)
    for number in range(operations):
        kind = draw.random()
        if kind < 0.3:
            name, vector = f"p{draw.randrange(2 * size)}", clustered(1, generator)[0]
            live.put([(name, vector, {"generation": number, "title": "mug"})])
            wanted[name] = vector
        elif kind < 0.5:
            name = f"p{draw.randrange(2 * size)}"
            live.delete([name])
            wanted.pop(name, None)
        elif draw.random() < 0.002:
            live.rebuild()
            rebuilds += 1
            lowest = min(lowest, live.snapshot.base.backend.info.get("recall@10", 1.0))
        else:
            query = clustered(1, generator)[0]
            names, rows = list(wanted), np.stack(list(wanted.values()))
            truth = {names[row] for row in np.argsort(-(rows @ query))[:K]}
            found = [hit.product_id for hit in live.search(query, k=K)]
            hits, asked = hits + len(truth & set(found)), asked + K
            ghosts += sum(name not in wanted for name in found) + (len(set(found)) != K)
    recall = hits / max(asked, 1)
    return {
        "trial": "operations",
        "operations": operations,
        "searches": asked // K,
        "rebuilds": rebuilds,
        "ghosts": ghosts,
        "recall": recall,
        "measured_recall": lowest,
    }


def main() -> None:
    """Prints one JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--operations", type=int, default=10_000)
    options = parser.parse_args()
    wrong = False
    if options.operations:
        result = interleave(options.operations)
        wrong |= result["ghosts"] > 0 or result["recall"] < result["measured_recall"] - 0.01
        print(json.dumps(result), flush=True)
    if options.kills:
        result = kill_at_random(options.kills)
        wrong |= result["readable"] < options.kills
        print(json.dumps(result), flush=True)
    sys.exit(int(wrong))


if __name__ == "__main__":
    main()
