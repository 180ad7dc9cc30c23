"""The re-ranker: comparisons of two records, and a cross-encoder on those that they leave in doubt."""

from product_matching.model.reranker.building import DEFAULT_ENCODER, build_reranker
from product_matching.model.reranker.comparing import Comparer, Record
from product_matching.model.reranker.known import KnownMatches
from product_matching.model.reranker.reader import PairReader
from product_matching.model.reranker.reranker import SURE, Reranker
from product_matching.model.reranker.serialising import PairTokenizer, serialise

__all__ = [
    "DEFAULT_ENCODER",
    "SURE",
    "Comparer",
    "KnownMatches",
    "PairReader",
    "PairTokenizer",
    "Record",
    "Reranker",
    "build_reranker",
    "serialise",
]
