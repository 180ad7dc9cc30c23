"""What a training asks of a model beside its own loss: to score pairs as a teacher does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from keras import ops

from product_matching._types import Tensor
from product_matching.losses.imitation import imitation_loss
from product_matching.model.views import PAIRS, VIEWS


@dataclass(frozen=True)
class Imitation:
    """How a student is held to the vectors of a teacher.

    Attributes:
        weight: How much that counts beside the student's own loss.
        temperature: τ of `imitation_loss`.
        scale: t of the teacher's scores, t · ⟨R_i, R_j⟩.
    """

    weight: float
    temperature: float
    scale: float

    def loss(
        self,
        teacher: Tensor,
        views: Mapping[str, Tensor],
        scores: Callable[[Tensor, Tensor], Tensor],
    ) -> Tensor:
        """The weighted mean of `imitation_loss` over `PAIRS`.

        Args:
            teacher: float [B, views · T], the teacher's vector of each of `VIEWS`, one behind the other; zeros where it
                has nothing of a view.
            views: The student's vectors, [B, D] each; zeros likewise.
            scores: From two of them to the student's score of each with each, [B, B].
        """
        parts = ops.split(ops.cast(teacher, "float32"), len(VIEWS), axis=-1)
        shown = dict(zip(VIEWS, parts, strict=True))
        losses = []
        for left, right in PAIRS:
            theirs = self.scale * ops.matmul(shown[left], ops.transpose(shown[right]))
            rows, columns = (_there(shown[view], views[view]) for view in (left, right))
            kept = ops.logical_and(rows[:, None], columns[None, :])
            losses.append(imitation_loss(theirs, scores(views[left], views[right]), kept, temperature=self.temperature))
        return self.weight * sum(losses) / len(losses)


def _there(*vectors: Tensor) -> Tensor:
    """Rows [B] of which each of the vectors [B, …] has something."""
    return ops.all(ops.stack([ops.any(ops.not_equal(each, 0), axis=-1) for each in vectors]), axis=0)
