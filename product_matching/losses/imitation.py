"""What a small model learns from the scores of a large one."""

from __future__ import annotations

from keras import ops

from product_matching._types import Tensor
from product_matching.losses.weights import FAR


def imitation_loss(teacher: Tensor, student: Tensor, kept: Tensor, *, temperature: float = 1.0) -> Tensor:
    """L = τ²/2 · (mean_i KL(p_i ‖ q_i) + mean_j KL(p'_j ‖ q'_j)), the teacher's choices against the student's.

    p_i = softmax_j(T_ij / τ) and q_i = softmax_j(S_ij / τ) choose a row's match among the columns, p' and q' a column's
    among the rows. The contrastive relational distillation of Yang et al. 2024, "CLIP-KD: an empirical study of CLIP
    model distillation" (arXiv:2307.12732), and the affinity mimicking of Wu et al. 2023, "TinyCLIP" (arXiv:2309.12314);
    τ² keeps the size of the gradient (Hinton et al. 2015, arXiv:1503.02531). Scores may differ by a number, as by a
    bias: a softmax does not see it.

    Args:
        teacher: T [B, C].
        student: S [B, C].
        kept: bool [B, C]: pairs that are compared. A row or a column without any costs nothing and is not counted.
        temperature: τ, above 0; above 1 the pairs that hardly match count more.

    Returns:
        A number of at least 0; 0 where the student chooses as the teacher does.
    """
    teacher, student = ops.cast(teacher, "float32") / temperature, ops.cast(student, "float32") / temperature
    across = _divergence(teacher, student, kept)
    down = _divergence(ops.transpose(teacher), ops.transpose(student), ops.transpose(kept))
    return 0.5 * temperature**2 * (across + down)


def _divergence(teacher: Tensor, student: Tensor, kept: Tensor) -> Tensor:
    """The mean of KL(softmax(T_i) ‖ softmax(S_i)) over the rows that keep something."""
    p, q = (ops.log_softmax(ops.where(kept, scores, -FAR), axis=-1) for scores in (teacher, student))
    each = ops.where(kept, ops.exp(p) * (p - q), ops.zeros_like(p))
    rows = ops.cast(ops.any(kept, axis=-1), "float32")
    return ops.sum(ops.sum(each, axis=-1) * rows) / ops.maximum(ops.sum(rows), 1.0)
