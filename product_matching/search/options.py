"""What can be said of a search besides what is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from product_matching.errors import ConfigError
from product_matching.search.filters import Filter

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """How to arrange what is found.

    Attributes:
        k: Results a page.
        offset: Results before this page. Pages are slices of one order, whatever their length.
        group_by: Attribute of which each value comes once, with its best product (variants of one thing); empty: none.
        diversity: Weight of being unlike the results before, 0 to 1; see `marginal_order`.
        facets: Attributes to count, or `("all",)` for all that narrow the results down.
    """

    k: int = 10
    offset: int = 0
    group_by: str = ""
    diversity: float = 0.0
    facets: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ConfigError(f"k must be 1 or more, not {self.k}.")
        if self.offset < 0:
            raise ConfigError(f"offset must be 0 or more, not {self.offset}.")
        if not 0 <= self.diversity <= 1:
            raise ConfigError(f"diversity must be from 0 to 1, not {self.diversity}.")

    @property
    def arrangement(self) -> dict[str, Any]:
        """These five, by name."""
        return {field.name: getattr(self, field.name) for field in fields(Arrangement)}


@dataclass(frozen=True, kw_only=True)
class Options(Arrangement):
    """How to look, and how to arrange what is found.

    Attributes:
        filters: Conditions that a product must meet.
        words: Look for the words as written, too.
        spelling: Mend words that no product has by those of the catalogue.
        image_weight: With words and a picture: 0 for the words alone, 1 for the picture alone; None lets the model join
            them.
        min_probability: Leave out products below this probability, unless their words agree or they are named;
            `"auto"` for the one that the index was calibrated to.
        rerank: So many of the first results are read by the engine's re-ranker and put in its order; 0: none.
    """

    filters: Sequence[Filter] = ()
    words: bool = True
    spelling: bool = True
    image_weight: float | None = None
    min_probability: float | str | None = None
    rerank: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rerank < 0:
            raise ConfigError(f"rerank must be 0 or more, not {self.rerank}.")
        for name in ("image_weight", "min_probability"):
            value = getattr(self, name)
            if isinstance(value, str) and (name, value) == ("min_probability", AUTO):
                continue
            if value is not None and (isinstance(value, str) or not 0 <= value <= 1):
                raise ConfigError(f"{name} must be from 0 to 1, not {value!r}.")
