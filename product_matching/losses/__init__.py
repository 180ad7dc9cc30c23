"""Losses over the score matrix of a batch."""

from product_matching.losses.cross_entropy import (
    BinaryMatchLoss,
    CategoricalMatchLoss,
    InfoNCELoss,
    correct_for_sampling,
)
from product_matching.losses.imitation import imitation_loss
from product_matching.losses.margin import CosineEmbeddingLoss, TripletLoss
from product_matching.losses.sigmoid_match import SigmoidMatchLoss

__all__ = [
    "BinaryMatchLoss",
    "CategoricalMatchLoss",
    "CosineEmbeddingLoss",
    "InfoNCELoss",
    "SigmoidMatchLoss",
    "TripletLoss",
    "correct_for_sampling",
    "imitation_loss",
]
