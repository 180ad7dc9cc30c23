"""What frozen towers gave for a catalogue, looked up batch by batch."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from product_matching._types import Tensor

TOKENS = ("token_ids", "segment_ids", "padding_mask")
FEATURES = ("image_features", "text_features", "beside_image_features", "beside_text_features")
VIEWED = (*FEATURES, "image_hidden", "text_hidden", *TOKENS)
"""Arrays [N, views, …]; others are [N, …]."""
PADDED = ("text_hidden", *TOKENS)
"""Of those, the ones whose rows are filled up to the longest text there may be."""


class KeptFeatures:
    """Arrays of a row a product, in memory or mapped from a file, of which a batch reads only its own rows.

    Args:
        arrays: As of `make_dataset`.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = dict(arrays)

    def __bool__(self) -> bool:
        return bool(self._arrays)

    def replaces(self, modality: str) -> bool:
        """Whether an image or a text need not be read any more; `beside_image`: one for a second tower."""
        return bool({f"{modality}_features", f"{modality}_hidden"} & self._arrays.keys())

    def look_up(self, place: Tensor, seed: Tensor | None) -> dict[str, Tensor]:
        """The rows of a batch.

        Args:
            place: int [B], of the products in the catalogue.
            seed: int [2]: draws a view for each product; None: the first.

        Returns:
            [B, …] for each array; texts cut to the longest of the batch.
        """
        found = {}
        for name, array in self._arrays.items():
            index = [place, _drawn(tf.shape(place), array.shape[1], seed)] if name in VIEWED else [place]
            value = tf.numpy_function(functools.partial(_rows, array), index, array.dtype, stateful=False)
            value.set_shape([*place.shape, *array.shape[len(index) :]])
            found[name] = value
        return _trimmed(found)


def _rows(array: np.ndarray, *index: np.ndarray) -> np.ndarray:
    return np.asarray(array[index])


def _drawn(shape: Tensor, views: int, seed: Tensor | None) -> Tensor:
    if seed is None:
        return tf.zeros(shape, tf.int32)
    return tf.random.stateless_uniform(shape, seed, 0, views, tf.int32)


def _trimmed(found: dict[str, Tensor]) -> dict[str, Tensor]:
    if "padding_mask" not in found:
        return found
    longest = tf.reduce_max(tf.reduce_sum(tf.cast(found["padding_mask"], tf.int32), axis=1))
    return found | {name: found[name][:, :longest] for name in PADDED if name in found}
