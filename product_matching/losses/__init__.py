"""Losses over the score matrix of a batch."""

from product_matching.losses.sigmoid_match import SigmoidMatchLoss

__all__ = ["SigmoidMatchLoss"]
