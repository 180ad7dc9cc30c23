"""How much of what is nearest an index finds."""

from __future__ import annotations

import numpy as np

from product_matching._types import FloatArray
from product_matching.search.exact import ExactIndex
from product_matching.search.protocol import VectorIndex
from product_matching.search.tuning import noisy_sample

QUERIES, K = 200, 10


def measured_recall(index: VectorIndex, vectors: FloatArray, *, queries: int = QUERIES, seed: int = 0) -> float:
    """Recall@10: the share of the 10 vectors nearest to a query that the index finds, 0 to 1.

    Args:
        index: Built of the vectors, whatever it keeps them as.
        vectors: Float32 [N, D]; what is nearest is found among them exactly, in float32.
        queries: How many: vectors drawn by the seed, with noise.
        seed: Of the draw.
    """
    asked = noisy_sample(vectors, np.random.default_rng(seed))[:queries]
    truth, found = ExactIndex(vectors).search(asked, K)[0], index.search(asked, K)[0]
    hits = (found[:, :, None] == truth[:, None, :]) & (truth[:, None, :] >= 0)
    return float(hits.sum() / max((truth >= 0).sum(), 1))
