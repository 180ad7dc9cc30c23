"""The recommenders by name."""

from __future__ import annotations

import importlib
from typing import Any

from product_matching.errors import ConfigError, unknown_name
from product_matching.recommendation.recommender import Recommender

_HERE = "product_matching.recommendation"
MODELS = {
    "popularity": (f"{_HERE}.popularity", "Popularity"),
    "item-knn": (f"{_HERE}.item_knn", "ItemKNN"),
    "als": (f"{_HERE}.factorisation", "ALS"),
    "bpr": (f"{_HERE}.factorisation", "BPR"),
    "content": (f"{_HERE}.content", "Content"),
    "sequential": (f"{_HERE}.sequential", "Sequential"),
    "visual-bpr": (f"{_HERE}.visual_bpr", "VisualBPR"),
    "two-tower": (f"{_HERE}.two_tower", "TwoTower"),
    "hybrid": (f"{_HERE}.hybrid", "Hybrid"),
}
"""From name to module and class, imported when used."""


def model_class(name: str) -> type[Recommender]:
    """The class of a recommender.

    Raises:
        ConfigError: If the name is unknown.
    """
    if name not in MODELS:
        raise ConfigError(unknown_name("recommender", name, MODELS))
    module, attribute = MODELS[name]
    return getattr(importlib.import_module(module), attribute)


def name_of(model: Recommender) -> str:
    """The name under which `model_class` finds the class of a model."""
    return next(name for name, (_, attribute) in MODELS.items() if attribute == type(model).__name__)


def build_recommender(name: str, **options: Any) -> Recommender:
    """A recommender that is still to be fitted.

    Raises:
        ConfigError: If the name or an option is unknown.
    """
    kind = model_class(name)
    known = list(kind.__dataclass_fields__)
    for option in options:
        if option not in known:
            raise ConfigError(unknown_name(f"option of {name}", option, known))
    return kind(**options)
