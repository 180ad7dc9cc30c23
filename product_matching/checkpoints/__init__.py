"""Pretrained weights: where they come from, and in which form KerasHub reads them."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "APPLICATIONS": "product_matching.checkpoints.applications",
        "describe": "product_matching.checkpoints.describing",
        "find_checkpoint": "product_matching.checkpoints.finding",
        "load_backbone": "product_matching.checkpoints.loading",
        "set_details": "product_matching.checkpoints.loading",
        "text_details": "product_matching.checkpoints.loading",
    },
)
