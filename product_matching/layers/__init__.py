"""Layers of the joint space; they know vectors and masks, not products."""

from product_matching.layers.fusion import AttentionFusion, GatedFusion, MaskedFusion
from product_matching.layers.match_head import MatchHead
from product_matching.layers.pooling import AttentionPooling, GeneralizedMeanPooling
from product_matching.layers.projection import Projection
from product_matching.layers.reach import Reach
from product_matching.layers.tag_embedding import TagEmbedding

__all__ = [
    "AttentionFusion",
    "AttentionPooling",
    "GatedFusion",
    "GeneralizedMeanPooling",
    "MaskedFusion",
    "MatchHead",
    "Projection",
    "Reach",
    "TagEmbedding",
]
