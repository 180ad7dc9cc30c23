"""How good a model is: matching, retrieval, baselines, calibration."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "best_and_worst": "product_matching.eval.examples",
        "calibrate": "product_matching.eval.calibration",
        "embed_catalog": "product_matching.eval.embedding",
        "evaluate": "product_matching.eval.evaluation",
        "write_report": "product_matching.eval.report",
    },
)
