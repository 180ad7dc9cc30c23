"""Fitting a model."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "RetrievalMonitor": "product_matching.train.retrieval_monitor",
        "fit": "product_matching.train.fitting",
    },
)
