"""How fast are the recommenders beside `implicit` and `lenskit`, and how much do they take?

Events are drawn in chunks: users alike in how much they take, products by a power law within the taste of a user (one
product of two from a twentieth of the catalogue, a different one for each group of users).

    python -m benchmarks.recommendation_speed [--users 20000 --products 10000 --events 1000000]      # beside the peers
    python -m benchmarks.recommendation_speed --scale [--users 1000000 --products 100000 --events 50000000]

The first fits item-kNN (cosine, 100 neighbours) and ALS (64 factors, 15 rounds) with each library that is there, one
after the other in one process, and recommends ten products to 2,000 users; wall and CPU seconds. lenskit is nothing
that the package needs: install it beside, in an environment of its own. The second fits ours alone, tells seconds and
peak memory, and recommends to 1,000 users.

Time: five minutes; an hour with --scale.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from product_matching.recommendation import Interactions, build_recommender

CHUNK_USERS = 20_000
GROUPS, NEIGHBOURS, FACTORS, ROUNDS, K = 20, 100, 64, 15, 10


def main() -> None:
    options = _parse()
    start = time.perf_counter()
    events = draw(options.users, options.products, options.events, seed=0)
    print(f"{len(events):,} events drawn in {time.perf_counter() - start:.0f} s; peak {peak():.1f} GB", flush=True)
    if options.scale:
        scale(events, options.models.split(","))
    else:
        compare(events)


def draw(users: int, products: int, events: int, *, seed: int) -> Interactions:
    """Events of all users, in order of time; ids are numbers in words."""
    random = np.random.default_rng(seed)
    share = events / users
    lengths = random.poisson(share, size=users)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    product = np.empty(offsets[-1], dtype=np.int64)
    user = np.repeat(np.arange(users), lengths)
    size = products // GROUPS
    for first in range(0, users, CHUNK_USERS):
        part = slice(offsets[first], offsets[min(first + CHUNK_USERS, users)])
        count = part.stop - part.start
        near = (random.random(count) ** 3 * size).astype(np.int64) * GROUPS + user[part] % GROUPS
        far = (random.random(count) ** 3 * products).astype(np.int64)
        product[part] = np.minimum(np.where(random.random(count) < 0.5, near, far), products - 1)
    names = [np.char.zfill(np.arange(count).astype(str), 7) for count in (users, products)]
    times = (np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)).astype(np.float64)
    return Interactions(*names, user, product, times, np.ones(len(product), np.float32))


def compare(events: Interactions) -> None:
    """A line of the table for each library and model."""
    print(
        "| library, model | fit, s (CPU) | recommend to 2,000 users, users/s (CPU ms a user) |\n|---|---|---|",
        flush=True,
    )
    asked = events.users[:2000]
    for name, options in (
        ("item-knn", {"neighbours": NEIGHBOURS}),
        ("als", {"factors": FACTORS, "iterations": ROUNDS}),
    ):
        model = build_recommender(name, **options)
        _row(f"ours, {name}", lambda model=model: model.fit(events), lambda model: model.recommend(asked, k=K))
        _implicit(name, events, len(asked))
        if importlib.util.find_spec("lenskit"):
            _lenskit(name, events, asked)


def scale(events: Interactions, names: list[str]) -> None:
    """Fits ours and tells seconds and memory."""
    options = {"item-knn": {"neighbours": NEIGHBOURS}, "als": {"factors": FACTORS, "iterations": 5}}
    for name in names:
        start = time.perf_counter()
        model = build_recommender(name, **options.get(name, {})).fit(events)
        fitted = time.perf_counter()
        model.recommend(events.users[:1000], k=K)
        seconds = time.perf_counter() - fitted
        print(f"{name}: fit {fitted - start:.0f} s, 1,000 users in {seconds:.1f} s; peak {peak():.1f} GB", flush=True)
        del model


def peak() -> float:
    """Peak memory of this process, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _implicit(name: str, events: Interactions, asked: int) -> None:
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import CosineRecommender
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    shape = (len(events.users), len(events.products))

    def fit() -> Any:
        matrix = csr_matrix((events.weight, (events.user, events.product)), shape=shape)
        with threadpool_limits(1, "blas"):
            options = {"factors": FACTORS, "iterations": ROUNDS, "random_state": 0}
            model = CosineRecommender(K=NEIGHBOURS) if name == "item-knn" else AlternatingLeastSquares(**options)
            model.fit(matrix, show_progress=False)
        return model, matrix

    users = np.arange(asked)
    _row(f"implicit, {name}", fit, lambda found: found[0].recommend(users, found[1][users], N=K))


def _lenskit(name: str, events: Interactions, asked: np.ndarray) -> None:
    from lenskit.als import ImplicitMFScorer
    from lenskit.batch import recommend
    from lenskit.data import from_interactions_df
    from lenskit.knn import ItemKNNScorer
    from lenskit.pipeline import topn_pipeline

    def fit() -> Any:
        table = pd.DataFrame({"user_id": events.users[events.user], "item_id": events.products[events.product]})
        data = from_interactions_df(table.drop_duplicates())
        if name == "item-knn":
            scorer = ItemKNNScorer(max_nbrs=NEIGHBOURS, save_nbrs=NEIGHBOURS, feedback="implicit")
        else:
            scorer = ImplicitMFScorer(embedding_size=FACTORS, epochs=ROUNDS)
        pipeline = topn_pipeline(scorer, n=K)
        pipeline.train(data)
        return pipeline

    _row(f"lenskit, {name}", fit, lambda pipeline: recommend(pipeline, asked.tolist(), K, n_jobs=1))


def _row(label: str, fit: Callable[[], Any], recommend: Callable[[Any], Any]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    model = fit()
    fitted, used = time.perf_counter(), time.process_time()
    recommend(model)
    seconds, spent = time.perf_counter() - fitted, time.process_time() - used
    cells = f"{fitted - wall:.1f} ({used - cpu:.1f}) | {2000 / seconds:.0f} ({spent / 2:.2f})"
    print(f"| {label} | {cells} |", flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--users", type=int, default=0)
    parser.add_argument("--products", type=int, default=0)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--models", default="item-knn,als")
    options = parser.parse_args()
    defaults = (1_000_000, 100_000, 50_000_000) if options.scale else (20_000, 10_000, 1_000_000)
    for name, value in zip(("users", "products", "events"), defaults, strict=True):
        setattr(options, name, getattr(options, name) or value)
    return options


if __name__ == "__main__":
    main()
