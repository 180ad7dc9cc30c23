"""The match head in numpy: what search needs of the model once vectors are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from product_matching._types import FloatArray


@dataclass(frozen=True)
class Head:
    """score = t · inner + b; probability = σ(a · score + c); a match from `threshold` on.

    Attributes:
        temperature, bias: t and b.
        scale, offset: a and c of the calibration.
        threshold: Probability from which a pair counts as a match, chosen on validation products.
    """

    temperature: float
    bias: float
    scale: float
    offset: float
    threshold: float

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Head:
        return cls(**manifest["head"])

    def score(self, inner: FloatArray) -> FloatArray:
        """Score of pairs, from the inner products of their vectors."""
        return self.temperature * np.asarray(inner, np.float32) + self.bias

    def probability(self, score: FloatArray) -> FloatArray:
        """Calibrated probability that pairs of this score match, 0 to 1."""
        logits = self.scale * np.asarray(score, np.float64) + self.offset
        return np.exp(-np.logaddexp(0, -logits)).astype(np.float32)
