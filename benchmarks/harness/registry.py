"""The benchmarks there are."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parents[1]

BENCHMARKS: dict[str, tuple[str, ...]] = {
    "ablation": ("{data}/{catalog}/catalog.csv",),
    "bandit": (),
    "compression": ("{bundle}", "{bundle}/shop/catalog.csv"),
    "cost": (),
    "durability": (),
    "encoders": (),
    "entity_matching": ("{data}/entity_matching",),
    "evaluation": (),
    "fuzzing": ("{bundle}",),
    "hybrid": ("{data}/{catalog}/catalog.csv",),
    "index": ("{data}/fashion/catalog.csv",),
    "input_pipeline": (),
    "matching": ("{data}/{catalog}/catalog.csv",),
    "off_policy": (),
    "query": (),
    "recommendation": ("{data}/amazon_beauty",),
    "recommendation_rooms": ("{data}/ikea/room_items.csv",),
    "recommendation_shop": ("{data}/hm/transactions.csv",),
    "recommendation_speed": (),
    "service": ("{bundle}",),
    "service_crashes": ("{bundle}",),
    "small_catalogues": ("{data}/ikea/catalog.csv",),
    "training": (),
    "training_gpu": (),
    "transfer": ("{data}/fashion/catalog.csv", "{data}/{catalog}/catalog.csv"),
}
"""The arguments of each, before the options that the caller adds; {data}, {catalog}, {bundle} are the harness' own."""


def about(name: str) -> tuple[str, str]:
    """The question a benchmark asks, the first line of its docstring, and the time it takes, the line "Time: …"."""
    text = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))) or ""
    times = [line.partition(":")[2].strip(" .") for line in text.splitlines() if line.startswith("Time:")]
    return text.partition("\n")[0], times[0] if times else "some minutes"
