"""The first results of a search, read together with the query and put in the order of what a re-ranker says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from product_matching.bundle import load_bundle
from product_matching.errors import ConfigError
from product_matching.search.results import Result

if TYPE_CHECKING:  # it loads TensorFlow
    from product_matching.model.reranker import Reranker

PART = "reranker"
"""Its name among the parts of a result."""


class ResultReranker:
    """Orders results by the probability that query and product match, which a bundle of `train-pairs` tells.

    The query is the first column of words of the left side, the product's row the right side: train on pairs such as
    `left_title` (what shoppers typed) and `right_title`, `right_description`, `right_tags`, `label`.

    Args:
        model: The re-ranker.
    """

    def __init__(self, model: Reranker) -> None:
        self.model = model
        compared = model.comparer
        self._asks = compared.titles[0]
        self._reads = list(compared.right)
        self._texts = [name for name in self._reads if name not in compared.numeric]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Opens a bundle of `train-pairs`.

        Raises:
            BundleError: If there is none, or it is of another kind.
        """
        return cls(load_bundle(path, kinds=("pairs",)).load_reranker())

    def __call__(self, text: str, results: Sequence[Result], count: int) -> list[Result]:
        """The results, the first `count` of them in the re-ranker's order; equal ones stay as they were.

        Args:
            text: What is looked for.
            results: In the order of the search, from the first on.
            count: How many are read.

        Raises:
            ConfigError: If the products have none of the columns that it was trained on.
        """
        first = list(results[:count])
        if not first:
            return []
        known = set(first[0].attributes)
        if not known & set(self._texts):
            raise ConfigError(
                f"The re-ranker was trained on {', '.join(self._texts)} of the right side; products have "
                f"{', '.join(sorted(known))}. Train one on pairs with these names: left_title, right_title, …"
            )
        products = [{name: _cell(result.attributes.get(name)) for name in self._reads} for result in first]
        said = self.model.probability(self.model.score([{self._asks: text}] * len(first), products))
        told = [
            replace(result, parts={**result.parts, PART: float(value)})
            for result, value in zip(first, said, strict=True)
        ]
        rows = [*sorted(told, key=lambda result: -result.parts[PART]), *results[count:]]
        return [replace(result, rank=rank) for rank, result in enumerate(rows, results[0].rank)]


def _cell(value: object) -> str:
    return "" if value is None else str(value)
