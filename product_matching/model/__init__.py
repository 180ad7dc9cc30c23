"""The model that puts images, texts and tags into one space."""

# What a compiled model is made of is registered with Keras, so that a saved one loads wherever ProductModel is known.
from product_matching import losses as _losses  # noqa: F401
from product_matching import optimizer as _optimizer  # noqa: F401
from product_matching.metrics import streaming as _streaming  # noqa: F401
from product_matching.model.adapters import add_lora, freeze, merge_lora, parameter_counts
from product_matching.model.factory import adapt_again, build_loss, build_model
from product_matching.model.preprocessor import Preprocessor
from product_matching.model.product_model import ProductModel
from product_matching.model.pruning import drop_text_layers
from product_matching.model.views import PAIRS, VIEWS

__all__ = [
    "PAIRS",
    "VIEWS",
    "Preprocessor",
    "ProductModel",
    "adapt_again",
    "add_lora",
    "build_loss",
    "build_model",
    "drop_text_layers",
    "freeze",
    "merge_lora",
    "parameter_counts",
]
