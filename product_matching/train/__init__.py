"""Fitting a model."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Checkpoint": "product_matching.train.checkpoint",
        "CollapseGuard": "product_matching.train.guards",
        "LossGuard": "product_matching.train.guards",
        "LabelledPairs": "product_matching.train.pairs",
        "PairTraining": "product_matching.train.pairs",
        "RetrievalMonitor": "product_matching.train.retrieval_monitor",
        "devices_scope": "product_matching.train.devices",
        "fit": "product_matching.train.fitting",
        "fit_pairs": "product_matching.train.pairs",
        "tune": "product_matching.train.tuning",
    },
)
