"""A vision transformer at another input size than it was trained at."""

from __future__ import annotations

import math

import keras
import numpy as np

from product_matching.errors import CheckpointError

CUBIC = -0.75
"""torch's coefficient of the cubic kernel; TensorFlow's is -0.5, which gives other embeddings."""


def resize_transformer(backbone: keras.Model, size: int, prefix: int) -> keras.Model:
    """A copy of a ViT, DeiT or DINOv2 for images of another size, its position embeddings interpolated as torch does.

    Args:
        backbone: A KerasHub backbone with `patch_size`.
        size: Height and width in pixels, a multiple of the patch's.
        prefix: Positions before those of the patches.

    Raises:
        CheckpointError: If the size is no multiple of the patch's.
    """
    patch = backbone.patch_size if isinstance(backbone.patch_size, int) else backbone.patch_size[0]
    if size % patch:
        low = size // patch * patch
        raise CheckpointError(
            f"The input size of this network is a multiple of {patch}; got {size}. Near: {low}, {low + patch}."
        )
    if size == backbone.image_shape[0]:
        return backbone
    config = {**backbone.get_config(), "image_shape": (size, size, 3)}
    if "position_embedding_shape" in config:
        config["position_embedding_shape"] = (size, size)
    resized = type(backbone).from_config(config)
    for old, new in zip(backbone.weights, resized.weights, strict=True):
        value = np.asarray(keras.ops.convert_to_numpy(old))
        new.assign(value if old.shape == new.shape else resize_positions(value, new.shape, prefix))
    return resized


def resize_positions(positions: np.ndarray, shape: tuple[int, ...], prefix: int) -> np.ndarray:
    """Interpolates position embeddings of a square grid by the bicubic rule of torch.

    Args:
        positions: [..., prefix + n², c].
        shape: [..., prefix + m², c], the shape of the result.
        prefix: Positions that do not belong to the grid and stay as they are.
    """
    old, new = (math.isqrt(count - prefix) for count in (positions.shape[-2], shape[-2]))
    width = positions.shape[-1]
    grid = positions[..., prefix:, :].reshape(old, old, width)
    matrix = _cubic_matrix(old, new)
    grid = np.einsum("ia,jb,abc->ijc", matrix, matrix, grid).reshape(-1, width)
    flat = positions[..., :prefix, :].reshape(prefix, width)
    return np.concatenate([flat, grid]).reshape(shape).astype(positions.dtype)


def _cubic_matrix(old: int, new: int) -> np.ndarray:
    """[new, old]: what each old sample adds to each new one; beyond the rim, the rim goes on (Keys 1981)."""
    matrix = np.zeros((new, old))
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    for row, centre in enumerate(centres):
        first = math.floor(centre) - 1
        for at in range(first, first + 4):
            matrix[row, min(max(at, 0), old - 1)] += _cubic(abs(centre - at))
    return matrix


def _cubic(x: float) -> float:
    if x <= 1:
        return (CUBIC + 2) * x**3 - (CUBIC + 3) * x**2 + 1
    return CUBIC * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0
