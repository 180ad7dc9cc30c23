"""Recommenders over interactions and product vectors: one contract, one model a file."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ALS": "product_matching.recommendation.factorisation",
        "BPR": "product_matching.recommendation.factorisation",
        "Content": "product_matching.recommendation.content",
        "Hybrid": "product_matching.recommendation.hybrid",
        "Interactions": "product_matching.recommendation.interactions",
        "ItemKNN": "product_matching.recommendation.item_knn",
        "Popularity": "product_matching.recommendation.popularity",
        "ProductFeatures": "product_matching.recommendation.features",
        "Recommender": "product_matching.recommendation.recommender",
        "Sequential": "product_matching.recommendation.sequential",
        "TimeSplit": "product_matching.recommendation.splitting",
        "TwoTower": "product_matching.recommendation.two_tower",
        "VisualBPR": "product_matching.recommendation.visual_bpr",
        "build_recommender": "product_matching.recommendation.models",
        "evaluate_recommender": "product_matching.recommendation.evaluation",
        "load_interactions": "product_matching.recommendation.interactions",
        "split_interactions": "product_matching.recommendation.splitting",
    },
)
