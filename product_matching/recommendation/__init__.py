"""Recommenders over interactions and product vectors: one contract, one model a file."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ALS": "product_matching.recommendation.factorisation",
        "Aims": "product_matching.recommendation.reranking",
        "BPR": "product_matching.recommendation.factorisation",
        "Content": "product_matching.recommendation.content",
        "Hybrid": "product_matching.recommendation.hybrid",
        "Interactions": "product_matching.recommendation.interactions",
        "ItemKNN": "product_matching.recommendation.item_knn",
        "LinearBandit": "product_matching.recommendation.bandit",
        "Popularity": "product_matching.recommendation.popularity",
        "ProductFeatures": "product_matching.recommendation.features",
        "Reason": "product_matching.recommendation.reason",
        "Recommender": "product_matching.recommendation.recommender",
        "Rule": "product_matching.recommendation.rules",
        "Sequential": "product_matching.recommendation.sequential",
        "TimeSplit": "product_matching.recommendation.splitting",
        "TwoTower": "product_matching.recommendation.two_tower",
        "VisualBPR": "product_matching.recommendation.visual_bpr",
        "apply_rules": "product_matching.recommendation.rules",
        "build_recommender": "product_matching.recommendation.models",
        "debiased": "product_matching.recommendation.propensity",
        "diversify": "product_matching.recommendation.reranking",
        "explain": "product_matching.recommendation.reason",
        "evaluate_recommender": "product_matching.recommendation.evaluation",
        "load_interactions": "product_matching.recommendation.interactions",
        "load_rules": "product_matching.recommendation.rules",
        "paced_bids": "product_matching.recommendation.ads",
        "run_auction": "product_matching.recommendation.ads",
        "split_interactions": "product_matching.recommendation.splitting",
        "weigh": "product_matching.recommendation.reranking",
        "within_quotas": "product_matching.recommendation.reranking",
    },
)
