"""The match head in numpy: what search needs of the model once vectors are there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from product_matching._types import FloatArray

REFERENCES_FILE = "references.npy"
NEIGHBOURS, CHUNK = 10, 1024
STEPS = 4097  # of cosines from -1 to 1


@dataclass(frozen=True)
class Head:
    """score = t · inner + b; probability = σ(a · (score - t · ½ (reach_i + reach_j)) + c); a match from `threshold` on.

    Attributes:
        temperature, bias: t and b.
        scale, offset: a and c of the calibration.
        threshold: Probability from which a pair counts as a match, chosen on validation products.
        typical_reach: Mean reach of validation products' images and texts.
        references: Banks of reach, float32 [2, M, D], see `layers.Reach`; None: reach is 0.
        curve: `scores`, ascending, and `probabilities` of an isotonic calibration, in place of a and c; `{}`: none.
    """

    temperature: float
    bias: float
    scale: float
    offset: float
    threshold: float
    typical_reach: float = 0.0
    references: FloatArray | None = field(default=None, compare=False, repr=False)
    curve: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @classmethod
    def load(cls, manifest: Mapping[str, Any], folder: Path) -> Head:
        """Reads what a bundle holds of it."""
        path = folder / REFERENCES_FILE
        references = np.load(path).astype(np.float32, copy=False) if path.is_file() else None
        return cls(**manifest["head"], references=references, curve=manifest.get("calibration", {}))

    def reach(self, vectors: FloatArray) -> FloatArray:
        """How near anything of the other modality comes to unit vectors: float32 [N, D] to [N]."""
        vectors = np.asarray(vectors, np.float32)
        if self.references is None or not len(vectors):
            return np.zeros(len(vectors), np.float32)
        chunks = [vectors[at : at + CHUNK] for at in range(0, len(vectors), CHUNK)]
        return np.concatenate([np.minimum(*(_nearest(chunk @ bank.T) for bank in self.references)) for chunk in chunks])

    def score(self, inner: FloatArray) -> FloatArray:
        """Score of pairs, from the inner products of their vectors."""
        return self.temperature * np.asarray(inner, np.float32) + self.bias

    def probability(
        self, score: FloatArray, left: FloatArray | float | None = None, right: FloatArray | float | None = None
    ) -> FloatArray:
        """Calibrated probability that pairs of this score match, 0 to 1.

        Args:
            score: [P].
            left, right: Reach of either side, [P] or one for all; the typical one stands in for what is not known.
        """
        known = [self.typical_reach if side is None else np.asarray(side, np.float64) for side in (left, right)]
        evidence = np.asarray(score, np.float64) - self.temperature * 0.5 * (known[0] + known[1])
        if self.curve:
            return np.interp(evidence, self.curve["scores"], self.curve["probabilities"]).astype(np.float32)
        logits = self.scale * evidence + self.offset
        return np.exp(-np.logaddexp(0, -logits)).astype(np.float32)

    def cosine_at(self, probability: float, reach: float) -> float:
        """The cosine from which a pair reaches this probability, when one side's reach is known; -inf where all do.

        The inverse of `probability` of `score` on steps of 1/2048, with the typical reach on the other side.
        """
        cosines = np.linspace(-1.0, 1.0, STEPS)
        reached = np.flatnonzero(self.probability(self.score(cosines), reach) >= probability)
        if not len(reached):
            return math.inf
        return float(cosines[reached[0]]) if reached[0] else -math.inf


def _nearest(cosines: FloatArray) -> FloatArray:
    """The mean of the highest of each row."""
    count = min(NEIGHBOURS, cosines.shape[1])
    return np.partition(cosines, cosines.shape[1] - count, axis=1)[:, -count:].mean(axis=1)
