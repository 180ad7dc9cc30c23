"""Why a product is recommended: which of the shopper's own products speaks for it most, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from product_matching.recommendation.histories import Histories
from product_matching.recommendation.recommender import Recommender

FEW = 10  # ranks that are good in any catalogue; in a large one, the best hundredth is


@dataclass(frozen=True)
class Reason:
    """What speaks for a product.

    Attributes:
        source: Name of the recommender that ranks it highest: of a hybrid one of its sources, else the model itself.
            What is popular is so for everybody: that is named where no source that compares products ranks it well.
        product_id: The product of the history that is most alike to it by that recommender; `""` where none is, as
            for what is merely popular.
    """

    source: str
    product_id: str


def explain(model: Recommender, taken: Histories, product_ids: Sequence[str]) -> list[Reason]:
    """Gives a reason for each recommended product.

    Args:
        model: Fitted.
        taken: What one shopper took, from `model.histories_of`.
        product_ids: [k], what was recommended to them.

    Raises:
        DataError: If a product is not known.

    Example:
        taken = model.histories_of(["U0001"])
        ids, _ = model.recommend(["U0001"], k=5)
        explain(model, taken, ids[0])            # [Reason(source="item-knn", product_id="P00012"), …]
    """
    places = model._known(product_ids)
    if not len(taken.products):
        return [Reason("popularity", "")] * len(places)
    ranks = [_ranks(part, taken, places) for part in model.parts.values()]
    nearest = [_nearest(part, taken, places) for part in model.parts.values()]
    names = list(model.parts)
    well = max(FEW, len(model.products) // 100)
    personal = [part.compares for part in model.parts.values()]
    best = _choose(np.array(ranks), np.array(personal), well).tolist()
    return [Reason(names[part], _id(model, nearest[part][column])) for column, part in enumerate(best)]


def _choose(ranks: np.ndarray, personal: np.ndarray, well: int) -> np.ndarray:
    """The part [k] that ranks each product highest; of ranks [S, k] up to `well`, a personal one goes first."""
    preferred = np.where(personal[:, None] & (ranks <= well), ranks - ranks.max(), ranks)
    return preferred.argmin(axis=0)


def _ranks(part: Recommender, taken: Histories, places: np.ndarray) -> np.ndarray:
    """Rank of each product by one recommender, from 1, without what was taken: int64 [k]."""
    scores = part.scores(taken)[0]
    scores[taken.products] = -np.inf
    return 1 + (scores[None] > scores[places][:, None]).sum(axis=1)


def _nearest(part: Recommender, taken: Histories, places: np.ndarray) -> np.ndarray:
    """Position of the product of the history most alike to each of `places`, -1 where none is: int64 [k]."""
    if not part.compares:
        return np.full(len(places), -1)
    known = np.unique(taken.products[taken.products < part.placed])
    result = np.full(len(places), -1)
    inside = places < part.placed
    if len(known) and inside.any():
        likeness = np.asarray(part._similar(known))[:, places[inside]]
        result[inside] = np.where(likeness.max(axis=0) > 0, known[likeness.argmax(axis=0)], -1)
    return result


def _id(model: Recommender, position: int) -> str:
    return "" if position < 0 else str(model.products.ids[position])
