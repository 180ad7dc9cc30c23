"""The exported encoders: raw strings and bytes in, vectors out, without Keras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from product_matching._types import FloatArray
from product_matching.errors import BundleError, DataError


class Encoders:
    """The signatures of a bundle's SavedModel as functions of lists.

    Args:
        folder: The bundle.
        batch_size: Products or queries that go through the model at a time.
    """

    def __init__(self, folder: Path, *, batch_size: int = 128) -> None:
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  registers the ops of the tokenizer

        self.batch_size = batch_size
        try:
            # The module must outlive its signatures: they hold it by a weak reference only.
            self._module = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise BundleError(f"The SavedModel of {folder} cannot be loaded: {error}") from error
        self._invalid = tf.errors.InvalidArgumentError
        self._constant = tf.constant

    def embed_text(self, texts: Sequence[str]) -> FloatArray:
        """Embeds words: float32 [N, D]."""
        return self._run("embed_text", text=texts)

    def embed_image(self, images: Sequence[bytes]) -> FloatArray:
        """Embeds the bytes of image files: float32 [N, D]."""
        return self._run("embed_image", image=images)

    def embed_product(
        self, image: Sequence[bytes], title: Sequence[str], description: Sequence[str], tags: Sequence[str]
    ) -> FloatArray:
        """Embeds products from what they have, `""` where something is missing: float32 [N, D]."""
        return self._run("embed_product", image=image, title=title, description=description, tags=tags)

    def _run(self, name: str, **inputs: Sequence[Any]) -> FloatArray:
        signature = self._module.signatures[name]
        count = len(next(iter(inputs.values())))
        rows = []
        for start in range(0, max(count, 1), self.batch_size):
            batch = {
                key: self._constant(list(values[start : start + self.batch_size]), dtype="string")
                for key, values in inputs.items()
            }
            try:
                rows.append(signature(**batch)["embedding"].numpy())
            except self._invalid as error:
                reason = str(error.message).splitlines()[0]
                raise DataError(f"An image cannot be decoded: {reason}") from error
        return np.concatenate(rows)
