"""From a trained model to what a shop serves."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ServingModule": "product_matching.deploy.serving_module",
        "ConvertedTower": "product_matching.deploy.converted",
        "convert_towers": "product_matching.deploy.towers",
        "compress": "product_matching.deploy.compressing",
        "export": "product_matching.deploy.exporting",
        "export_search": "product_matching.deploy.in_graph",
        "export_reranker": "product_matching.deploy.exporting",
    },
)
