"""Metrics in numpy: arrays in, numbers out. They are the truth that everything else is compared with."""

from product_matching.metrics.bootstrap import bootstrap_interval
from product_matching.metrics.calibration import fit_platt, platt_probability
from product_matching.metrics.match import (
    average_precision,
    best_threshold,
    brier_score,
    expected_calibration_error,
    match_metrics,
    roc_auc,
)
from product_matching.metrics.ranking import (
    RelevantRanks,
    first_relevant_rank,
    mrr,
    ndcg_at,
    recall_at,
    reciprocal_rank,
)
from product_matching.metrics.retrieval import query_ranks, retrieval_metrics

__all__ = [
    "RelevantRanks",
    "average_precision",
    "best_threshold",
    "bootstrap_interval",
    "brier_score",
    "expected_calibration_error",
    "first_relevant_rank",
    "fit_platt",
    "match_metrics",
    "mrr",
    "ndcg_at",
    "platt_probability",
    "query_ranks",
    "recall_at",
    "reciprocal_rank",
    "retrieval_metrics",
    "roc_auc",
]
