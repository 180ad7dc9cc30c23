"""The match head in numpy: what search needs of the model once vectors are there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from product_matching._types import FloatArray

REFERENCES_FILE = "references.npy"
NEIGHBOURS, CHUNK = 10, 1024
PART, PIECE = 512, 64
"""Vectors of a bank: looked at first for a single vector; multiplied at a time."""
STEPS = 2048  # of cosines, from one whole number to the next


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
        if len(vectors) == 1:
            return np.array([_lower_reach(self.references, vectors[0])], np.float32)
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

        The inverse of `probability` of `score`, to the next step of 1/2048 above, with the typical reach on the other
        side; inf where none does.
        """
        if probability not in self._evidence_for:
            self._evidence_for[probability] = self._least_evidence(probability)
        score = self._evidence_for[probability] + self.temperature * 0.5 * (reach + self.typical_reach)
        cosine = (score - self.bias) / self.temperature
        if not -1 < cosine <= 1:
            return math.inf if cosine > 1 else -math.inf
        return math.ceil((cosine + 1) * STEPS) / STEPS - 1

    def _least_evidence(self, probability: float) -> float:
        """By halving, as the calibration only ever rises: a score less its reach that reaches this probability."""

        def reached(evidence: float) -> bool:
            return bool(self.probability(evidence, 0.0, 0.0) >= probability)

        low, high = self.bias - 2 * self.temperature, self.bias + 2 * self.temperature
        if reached(low) or not reached(high):
            return -math.inf if reached(low) else math.inf
        while high - low > self.temperature / STEPS**2:
            middle = (low + high) / 2
            low, high = (low, middle) if reached(middle) else (middle, high)
        return high

    @cached_property
    def _evidence_for(self) -> dict[float, float]:
        """What `_least_evidence` found, as each search asks for the same few probabilities."""
        return {}


def _lower_reach(banks: FloatArray, vector: FloatArray) -> float:
    """The reach of one vector, mostly from one bank: the mean over a part of a bank is never above that over all of it.

    So where a part of one bank gives more than the whole of the other, its rest need not be looked at.
    """
    parts = [_reach(bank[:PART], vector) for bank in banks]
    lower = int(np.argmin(parts))
    found = _reach(banks[lower], vector)
    return found if parts[1 - lower] >= found else min(found, _reach(banks[1 - lower], vector))


def _reach(bank: FloatArray, vector: FloatArray) -> float:
    # In pieces that BLAS does not spread over threads: they would wait for those of the model that has just made the
    # vector, milliseconds on busy cores for a tenth of one of work.
    rows = math.gcd(len(bank), PIECE)
    return float(_nearest((bank.reshape(-1, rows, bank.shape[1]) @ vector).reshape(1, -1))[0])


def _nearest(cosines: FloatArray) -> FloatArray:
    """The mean of the highest of each row."""
    count = min(NEIGHBOURS, cosines.shape[1])
    return np.partition(cosines, cosines.shape[1] - count, axis=1)[:, -count:].mean(axis=1)
