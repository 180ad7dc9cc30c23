"""Recommenders over interactions and product vectors: one contract, one model a file."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ALS": "product_matching.recommendation.factorisation",
        "BPR": "product_matching.recommendation.factorisation",
        "Interactions": "product_matching.recommendation.interactions",
        "ItemKNN": "product_matching.recommendation.item_knn",
        "Popularity": "product_matching.recommendation.popularity",
        "ProductFeatures": "product_matching.recommendation.features",
        "Recommender": "product_matching.recommendation.recommender",
        "TimeSplit": "product_matching.recommendation.splitting",
        "build_recommender": "product_matching.recommendation.models",
        "load_interactions": "product_matching.recommendation.interactions",
        "split_interactions": "product_matching.recommendation.splitting",
    },
)
