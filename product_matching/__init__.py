"""Matches product images with product texts: train, measure, index, search, serve.

Importing the package loads neither TensorFlow nor pandas; each name loads what it needs when it is first used.
"""

from product_matching._lazy import attach
from product_matching._version import __version__ as __version__

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Bundle": "product_matching.bundle",
        "Catalog": "product_matching.dataset",
        "Config": "product_matching.config",
        "ImageEncoder": "product_matching.visual",
        "ProductIndex": "product_matching.search",
        "ProductModel": "product_matching.model",
        "SearchEngine": "product_matching.search",
        "TextEncoder": "product_matching.text",
        "build_model": "product_matching.model",
        "build_optimizer": "product_matching.optimizer",
        "calibrate": "product_matching.eval",
        "errors": "product_matching.errors",
        "evaluate": "product_matching.eval",
        "export": "product_matching.deploy",
        "fit": "product_matching.train",
        "layers": "product_matching.layers",
        "load_bundle": "product_matching.bundle",
        "load_config": "product_matching.config",
        "load_data": "product_matching.dataset",
        "losses": "product_matching.losses",
        "make_dataset": "product_matching.dataset",
        "make_sample_shop": "product_matching.dataset",
        "metrics": "product_matching.metrics",
    },
)
