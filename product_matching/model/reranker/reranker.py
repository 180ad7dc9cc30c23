"""The re-ranker: how probable is it that two listings are one product?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from product_matching._types import FloatArray, Tensor
from product_matching.layers.tracing import TracedCall
from product_matching.model.reranker.comparing import Comparer, Record
from product_matching.model.reranker.forest import Forest
from product_matching.model.reranker.known import NAMES, KnownMatches
from product_matching.model.reranker.members import Members
from product_matching.model.reranker.reader import PairReader
from product_matching.model.reranker.serialising import PairTokenizer, serialise
from product_matching.model.reranker.telling import TellingWords

SURE = 5.0
"""A verdict (logit) beyond this is final: the cross-encoder reads the pairs between, which are few."""
READ_AT_A_TIME = 64
COMPARED_AT_A_TIME = 2048


@keras.saving.register_keras_serializable("product_matching")
class Reranker(keras.Model):
    """Comparisons of two records first, then a cross-encoder on the pairs that they leave in doubt.

        verdict = mean logit of small networks and of boosted trees over hand-made comparisons
        score = reader(serialised pair, verdict) where |verdict| <= 5, elsewhere verdict
        probability = σ(a · score + c), a match from `threshold` on

    Args:
        comparer: Of the training pairs.
        known: Which products are known to have a match; empty to forget.
        telling: Words that tell when they stand on one side only.
        reader: The cross-encoder; `None`: comparisons alone.
        max_tokens: Tokens of a pair that it reads at most.
        members, hidden, dropout: See `Members`.
        trees: Of each sum of the `Forest`; 0: no trees.
    """

    def __init__(
        self,
        comparer: Comparer,
        known: KnownMatches,
        telling: TellingWords,
        reader: PairReader | None = None,
        *,
        max_tokens: int = 64,
        members: int = 10,
        hidden: Sequence[int] = (64, 32),
        dropout: float = 0.2,
        trees: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.comparer, self.known, self.telling = comparer, known, telling
        self.max_tokens = max_tokens
        self.members = Members(members, hidden, dropout)
        self.members.build((None, len(self.names)))
        self.forest = Forest(trees=trees) if trees else None
        start = keras.initializers.Constant
        self.calibration = [
            self.add_weight(shape=(), initializer=start(value), trainable=False, name=name)
            for name, value in (("scale", 1.0), ("offset", 0.0), ("threshold", 0.5))
        ]
        self.set_reader(reader)
        self.built = True

    def set_reader(self, reader: PairReader | None) -> None:
        """Takes a cross-encoder, or does without."""
        self.reader = reader
        self._read = TracedCall(reader, compiled=True) if reader else None
        self.tokenizer = (
            PairTokenizer(reader.encoder.preprocessor.tokenizer, max_tokens=self.max_tokens) if reader else None
        )

    @property
    def names(self) -> list[str]:
        """Names of the comparisons, F of them."""
        return [*self.comparer.names, *NAMES, *self.telling.names]

    def compare(self, left: Sequence[Record], right: Sequence[Record]) -> FloatArray:
        """The comparisons of pairs: float32 [P, F]."""
        return np.concatenate([part(left, right) for part in (self.comparer, self.known, self.telling)], axis=1)

    def call(self, inputs: Mapping[str, Tensor], training: bool | None = None) -> Tensor:
        """Scores of prepared pairs.

        Args:
            inputs: `features` [B, F] and, where there is a reader, what it reads but for the verdict.

        Returns:
            Logits before calibration, float32 [B].
        """
        verdict = self._verdict(inputs["features"])
        if self.reader is None:
            return verdict
        read = self.reader({**inputs, "verdict": verdict}, training=training)
        return ops.where(ops.abs(verdict) > SURE, verdict, read)

    def score(self, left: Sequence[Record], right: Sequence[Record]) -> FloatArray:
        """Scores of raw pairs; only those in doubt are read: float32 [P]."""
        if not len(left):
            return np.zeros(0, np.float32)
        verdict = self.verdict(self.compare(left, right))
        return self.read(left, right, verdict) if self.reader is not None else verdict

    def verdict(self, features: FloatArray) -> FloatArray:
        """What the comparisons say, as a logit: float32 [P, F] to [P]."""
        blocks = [features[start : start + COMPARED_AT_A_TIME] for start in range(0, len(features), COMPARED_AT_A_TIME)]
        return np.concatenate([ops.convert_to_numpy(self._verdict(block)) for block in blocks])

    def read(self, left: Sequence[Record], right: Sequence[Record], verdict: FloatArray) -> FloatArray:
        """What the cross-encoder makes of verdicts in doubt; the others stay: float32 [P]."""
        scores, doubtful = verdict.copy(), np.flatnonzero(np.abs(verdict) <= SURE)
        if not len(doubtful):
            return scores
        pieces = [self.pieces([side[row] for row in doubtful]) for side in (left, right)]
        order = np.argsort([len(a) + len(b) for a, b in zip(*pieces, strict=True)], kind="stable")
        for start in range(0, len(order), READ_AT_A_TIME):
            at = order[start : start + READ_AT_A_TIME]
            packed = self.tokenizer.pack(*([side[i] for i in at] for side in pieces))
            rows = doubtful[at]
            scores[rows] = ops.convert_to_numpy(self._read({**packed, "verdict": verdict[rows]}))
        return scores

    def pieces(self, records: Sequence[Record]) -> list[list[int]]:
        """Token ids of serialised records; each different one is tokenised once."""
        texts = [serialise(record, self.comparer.weights, most=self.max_tokens // 2) for record in records]
        unique = list(dict.fromkeys(texts))
        found = dict(zip(unique, self.tokenizer.pieces(unique), strict=True))
        return [found[text] for text in texts]

    def _verdict(self, features: Tensor) -> Tensor:
        verdict = ops.mean(self.members(features), axis=-1)
        return verdict if self.forest is None else (verdict + ops.mean(self.forest(features), axis=-1)) / 2

    def probability(self, scores: FloatArray) -> FloatArray:
        """Calibrated probability that pairs of these scores match, 0 to 1."""
        scale, offset, _ = self._numbers()
        return np.exp(-np.logaddexp(0, -(scale * np.asarray(scores, np.float64) + offset))).astype(np.float32)

    @property
    def threshold(self) -> float:
        """Probability from which a pair counts as a match."""
        return self._numbers()[2]

    def calibrate(self, scale: float, offset: float, threshold: float) -> None:
        """Sets a, c and the threshold."""
        for weight, value in zip(self.calibration, (scale, offset, threshold), strict=True):
            weight.assign(value)

    def _numbers(self) -> list[float]:
        return [float(ops.convert_to_numpy(weight)) for weight in self.calibration]

    def clean_copy(self) -> Reranker:
        """The same without what only training needs: the optimizer's state, a cross-encoder that was dropped."""
        copy = Reranker.from_config(self.get_config())
        for name in ("members", "forest", "reader"):
            if getattr(self, name) is not None:
                getattr(copy, name).set_weights(getattr(self, name).get_weights())
        copy.calibrate(*self._numbers())
        return copy

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "comparer": self.comparer.get_config(),
            "known": self.known.get_config(),
            "telling": self.telling.get_config(),
            "reader": self.reader and self.reader.get_config(),
            "max_tokens": self.max_tokens,
            "members": self.members.count,
            "hidden": self.members.hidden,
            "dropout": self.members.dropout,
            "trees": self.forest.trees if self.forest else 0,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Reranker:
        config = dict(config)
        reader = config.pop("reader")
        return cls(
            Comparer.from_config(config.pop("comparer")),
            KnownMatches(config.pop("known")),
            TellingWords(**config.pop("telling")),
            reader and PairReader.from_config(reader),
            **config,
        )
