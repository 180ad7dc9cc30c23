"""A/B tests: planned before, assigned by hash, analysed with and without peeking."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "analyse": "product_matching.eval.ab.analysis",
        "assign": "product_matching.eval.ab.assignment",
        "always_valid": "product_matching.eval.ab.sequential",
        "check_ratio": "product_matching.eval.ab.assignment",
        "load_decisions": "product_matching.eval.ab.log",
        "load_log": "product_matching.eval.ab.log",
        "off_policy": "product_matching.eval.ab.counterfactual",
        "power_of": "product_matching.eval.ab.planning",
        "sample_size": "product_matching.eval.ab.planning",
        "softmax_chances": "product_matching.eval.ab.counterfactual",
        "team_draft": "product_matching.eval.ab.interleaving",
        "team_draft_test": "product_matching.eval.ab.interleaving",
    },
)
