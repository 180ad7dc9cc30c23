"""How good a model is: matching, retrieval, baselines, calibration."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Judgement": "product_matching.eval.judgement",
        "best_and_worst": "product_matching.eval.examples",
        "calibrate": "product_matching.eval.calibration",
        "compare": "product_matching.eval.comparison",
        "embed_catalog": "product_matching.eval.embedding",
        "evaluate": "product_matching.eval.evaluation",
        "examine": "product_matching.eval.evaluation",
        "judge": "product_matching.eval.judgement",
        "slice_metrics": "product_matching.eval.slices",
        "summarise": "product_matching.eval.evaluation",
        "whole_catalogue": "product_matching.eval.evaluation",
        "write_report": "product_matching.eval.report",
    },
)
