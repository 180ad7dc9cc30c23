"""The first stage of the hybrid: one score for every product, a weighted sum of what all sources say of it.

A product that is fairly popular and fairly alike is a better guess than the most popular ones and the most alike ones,
and stands in neither list. So candidates come from this sum too, and the trees start from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from product_matching.recommendation.histories import Histories
from product_matching.recommendation.known import KnownProducts
from product_matching.recommendation.recommender import Recommender

NEGATIVES = 100
"""Products that are drawn for each one that was taken, to learn the weights."""
PENALTY = 1e-4  # of the squared weights of standardised columns: only against columns that say the same
STEEP = 30.0


@dataclass(frozen=True)
class Blend:
    """score(u, j) = Σ_c w_c · x_c(u, j) over the columns of `columns_at`.

    Attributes:
        weights: float64 [C].
    """

    weights: np.ndarray

    def scores(self, tables: list[np.ndarray], products: np.ndarray) -> np.ndarray:
        """Scores of all products, float32 [B, N], from tables [B, N] of the sources and columns [N, P] of products."""
        own = len(self.weights) - products.shape[1]
        total = np.tile((products @ self.weights[own:]).astype(np.float32), (len(tables[0]), 1))
        for weights, table in zip(self.weights[:own].reshape(len(tables), -1), tables, strict=True):
            for weight, column in zip(weights.astype(np.float32), curves(shares(table)), strict=True):
                total += weight * column
        return total


def columns_at(tables: list[np.ndarray], products: np.ndarray, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Columns x_c of some pairs of a user and a product: float32 [M, C].

    Args:
        tables: Of each source, float32 [B, N]: the `curves` of the share of the user's largest score.
        products: float32 [N, P], columns of products.
        rows, places: int64 [M].
    """
    columns = []
    for table in tables:
        columns += curves(shares(table)[rows, places])
    return np.column_stack([*columns, products[places]]).astype(np.float32)


def shares(table: np.ndarray) -> np.ndarray:
    """Scores as shares of the largest of each user, -1 to 1; 0 where a source says nothing: float32 [B, N]."""
    said = np.where(np.isfinite(table), table, 0)
    largest = np.abs(said).max(axis=1, keepdims=True)
    return np.round(said / np.where(largest > 0, largest, 1), 4).astype(np.float32)


def curves(share: np.ndarray) -> list[np.ndarray]:
    """Shares on four scales, whose weighted sum bends as the source wants it.

    Itself; sign(x) · log(1 + 30 |x|), which tells small counts apart; x^4 and x^16, which tell the very best likenesses
    from good ones: of thousands of products, only these come into question.
    """
    fourth = np.square(np.square(np.maximum(share, 0)))
    return [share, np.sign(share) * np.log1p(np.float32(STEEP) * np.abs(share)), fourth, np.square(np.square(fourth))]


def columns_of(products: KnownProducts, histories: Histories) -> np.ndarray:
    """What is told of products themselves: log popularity, and whether nobody took it: float32 [N, 2]."""
    counts = np.bincount(histories.products, histories.weights, minlength=len(products))
    return np.stack([np.log1p(counts), counts == 0], axis=1).astype(np.float32)


def draw_pairs(
    taken: np.ndarray, barred: np.ndarray, products: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Adds products drawn at random to those that were taken.

    Args:
        taken, barred: int64, user · products + product, of what was taken next and of what was taken before.
        products: How many.
        random: Of the draws.

    Returns:
        Pairs int64 [M], in the same numbers, and whether each was taken: bool [M].
    """
    owners = taken // products
    drawn = np.repeat(owners, NEGATIVES) * products + random.integers(products, size=len(taken) * NEGATIVES)
    drawn = drawn[~np.isin(drawn, np.concatenate([taken, barred]))]
    pairs = np.concatenate([taken, drawn])
    return pairs, np.arange(len(pairs)) < len(taken)


def fit_blend(columns: np.ndarray, taken: np.ndarray) -> Blend:
    """Learns the weights by logistic regression of pairs that were taken against pairs drawn at random.

    With uniform draws the sum estimates log p(taken next | user, product) up to a constant.

    Args:
        columns: float32 [M, C].
        taken: bool [M].
    """
    from scipy.optimize import minimize

    centre, spread = columns.mean(axis=0, dtype=np.float64), columns.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0.0)
    x = (columns - centre) * scale
    signs = np.where(taken, 1.0, -1.0)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        margins = signs * (x @ parameters[1:] + parameters[0])
        pull = -signs / (1 + np.exp(np.clip(margins, -500, 500))) / len(x)
        value = np.logaddexp(0, -margins).mean() + PENALTY * parameters[1:] @ parameters[1:]
        return value, np.concatenate([[pull.sum()], pull @ x + 2 * PENALTY * parameters[1:]])

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return Blend(found.x[1:] * scale)


def tables_of(sources: dict[str, Recommender], histories: Histories) -> dict[str, np.ndarray]:
    """Scores of all sources, float32 [B, N] each, -inf for what was seen or cannot be placed."""
    tables = {name: source.scores(histories) for name, source in sources.items()}
    for table in tables.values():
        table[histories.rows, histories.products] = -np.inf
    return tables
