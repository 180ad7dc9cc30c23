"""Metrics in numpy: arrays in, numbers out. They are the truth that everything else is compared with."""

from product_matching.metrics.beyond import catalog_coverage, gini_index, list_diversity, novelty
from product_matching.metrics.bootstrap import bootstrap_interval
from product_matching.metrics.calibration import fit_platt, platt_probability
from product_matching.metrics.curves import precision_recall_curve, reliability, roc_curve
from product_matching.metrics.isotonic import fit_isotonic, isotonic_probability
from product_matching.metrics.labelled import list_metrics
from product_matching.metrics.match import (
    average_precision,
    best_threshold,
    brier_score,
    expected_calibration_error,
    match_metrics,
    roc_auc,
)
from product_matching.metrics.operating import threshold_for, threshold_table
from product_matching.metrics.paired import holm, paired_difference
from product_matching.metrics.ranking import (
    RelevantRanks,
    first_relevant_rank,
    mrr,
    ndcg_at,
    precision_at,
    ranked_average_precision,
    recall_at,
    reciprocal_rank,
)
from product_matching.metrics.retrieval import query_ranks, retrieval_metrics, search_all, summarise_ranks
from product_matching.metrics.searching import Searched
from product_matching.metrics.thresholds import category_thresholds, choose_threshold

__all__ = [
    "RelevantRanks",
    "Searched",
    "average_precision",
    "best_threshold",
    "bootstrap_interval",
    "brier_score",
    "catalog_coverage",
    "category_thresholds",
    "choose_threshold",
    "expected_calibration_error",
    "first_relevant_rank",
    "fit_isotonic",
    "fit_platt",
    "gini_index",
    "holm",
    "isotonic_probability",
    "list_diversity",
    "list_metrics",
    "match_metrics",
    "mrr",
    "ndcg_at",
    "novelty",
    "paired_difference",
    "platt_probability",
    "precision_at",
    "precision_recall_curve",
    "query_ranks",
    "ranked_average_precision",
    "recall_at",
    "reciprocal_rank",
    "reliability",
    "retrieval_metrics",
    "roc_auc",
    "roc_curve",
    "search_all",
    "summarise_ranks",
    "threshold_for",
    "threshold_table",
]
