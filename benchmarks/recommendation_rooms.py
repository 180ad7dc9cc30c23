"""What goes with this? Furniture that stands together in a room is rarely alike.

Data: the folder `ikea` (2,187 products; `room_items.csv`: what stands in 307 rooms). Rooms are split at random, three
fifths to learn from, a fifth to choose options by, a fifth to measure on. Each product of a room to measure on is asked
for once: all products but itself are ranked, the others of its room are to be found. Many products stand in one room
only, so they are new to whoever learnt from the other rooms.

Command:

    python -m benchmarks.recommendation_rooms ikea/room_items.csv --vectors VECTORS.npz [VECTORS.npz …] [--on valid]

The .npz files hold `ids` and `vectors`, joined at equal length. HR@10: questions with a right product among the first
ten; its interval is a bootstrap over rooms, since the questions of one room are not independent.

Time: five minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from product_matching.metrics import RelevantRanks, bootstrap_interval, ndcg_at, recall_at
from product_matching.recommendation import Interactions, ProductFeatures, Recommender, build_recommender
from product_matching.recommendation.top_k import ranks_of

FOREVER = {"half_life": 0.0}
TOWERS = {"max_length": 1, "epochs": 60, "dim": 32, "dropout": 0.5}
NEAR = {"profile": "attentive", "sharpness": 30.0}
HYBRID = {
    "holdout": "period",
    "sources": ["item-knn", "two-tower", "content", "popularity"],
    "source_options": {"popularity": FOREVER, "two-tower": TOWERS, "item-knn": {"similarity": "cosine"}},
}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "popularity": ("popularity", FOREVER),
    "similarity alone": ("content", NEAR),
    "item-knn": ("item-knn", {}),
    "two-tower": ("two-tower", TOWERS),
    "hybrid": ("hybrid", HYBRID),
}


def main() -> None:
    options = _parse()
    rooms = pd.read_csv(options.rooms, dtype=str).drop_duplicates(["room", "product_id"])
    parts = split_rooms(rooms, seed=0)
    learnt = parts["train"] if options.on == "valid" else pd.concat([parts["train"], parts["valid"]])
    features = joined_vectors(options.vectors)
    print("| model | HR@10 | nDCG@10 | HR@10, others new |\n|---|---|---|---|", flush=True)
    for name, (kind, settings) in MODELS.items():
        events, share = visits(learnt, seed=0)
        settings = settings | ({"period": share} if kind == "hybrid" else {})
        model = build_recommender(kind, **settings).fit(events, features)
        print(f"| {name} | " + " | ".join(measure(model, parts[options.on])) + " |", flush=True)


def split_rooms(rooms: pd.DataFrame, *, seed: int) -> dict[str, pd.DataFrame]:
    """Rows of the rooms of each side."""
    names = np.random.default_rng(seed).permutation(np.unique(rooms["room"]))
    edges = [0, len(names) * 3 // 5, len(names) * 4 // 5, len(names)]
    sides = zip(("train", "valid", "test"), edges, edges[1:], strict=False)
    return {side: rooms[rooms["room"].isin(names[a:b])] for side, a, b in sides}


def visits(rooms: pd.DataFrame, *, seed: int) -> tuple[Interactions, float]:
    """Rooms as users.

    In two of five rooms one product comes first and the others later than all else, so that the hybrid sets these aside
    and learns from the question that is asked; their share of the events is returned too.
    """
    random = np.random.default_rng(seed)
    shuffled = rooms.iloc[random.permutation(len(rooms))]
    names = np.unique(rooms["room"])
    asked = shuffled["room"].isin(random.choice(names, size=len(names) * 2 // 5, replace=False))
    first = ~shuffled.duplicated("room")
    late = (asked & ~first).to_numpy()
    order = np.arange(len(shuffled)) / len(shuffled)
    events = Interactions.from_arrays(shuffled["room"], shuffled["product_id"], order + late)
    return events, late.mean()


def measure(model: Recommender, rooms: pd.DataFrame) -> list[str]:
    """HR@10 with its interval, nDCG@10, and HR@10 where only products that the model saw in no room count."""
    found = {room: [] for room in rooms["room"]}
    for room, part in rooms.groupby("room"):
        places = model.products.positions(part["product_id"].tolist())
        places = places[places >= 0]
        histories = model.histories_of(histories=[[name] for name in model.products.ids[places]])
        for rows, scores in model.blocks(histories):
            for row, own in enumerate(places[rows]):
                others = places[places != own]
                if len(others):
                    ranks = ranks_of(scores[row : row + 1], np.zeros(len(others), int), others)
                    found[room].append((ranks, model.products.counts[others] == 0))
    hits, gains = (_by_room(found, metric) for metric in (recall_at, ndcg_at))
    low, high = bootstrap_interval(hits)
    new = {room: [(ranks[cold], cold) for ranks, cold in one if cold.any()] for room, one in found.items()}
    return [
        f"{hits.mean():.3f} ({low:.3f} to {high:.3f})",
        f"{gains.mean():.3f}",
        f"{_by_room(new, recall_at).mean():.3f}",
    ]


def _by_room(found: dict[str, list], metric: Callable[[RelevantRanks, int], np.ndarray]) -> np.ndarray:
    values = [metric(RelevantRanks.from_lists([r for r, _ in one]), 10).mean() for one in found.values() if one]
    return np.array(values)


def joined_vectors(paths: list[Path]) -> ProductFeatures:
    """Vectors of several files side by side, each of length 1."""
    parts = []
    for path in paths:
        with np.load(path) as file:
            ids, vectors = file["ids"], file["vectors"]
            parts.append(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
    return ProductFeatures.of(ids, np.concatenate(parts, axis=1))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", type=Path)
    parser.add_argument("--vectors", type=Path, nargs="+", required=True)
    parser.add_argument("--on", choices=["valid", "test"], default="test")
    return parser.parse_args()


if __name__ == "__main__":
    main()
