"""The model that puts images, texts and tags into one space."""

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
