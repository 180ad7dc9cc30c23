"""The exported encoders: raw strings and bytes in, vectors out, without Keras."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from product_matching._types import FloatArray
from product_matching.errors import BundleError, DataError


class SignatureEncoders(ABC):
    """The signatures of an exported model as functions of lists, wherever it runs.

    Args:
        batch_size: Products or queries that go through the model at a time.
    """

    def __init__(self, *, batch_size: int = 128) -> None:
        self.batch_size = batch_size

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

    @abstractmethod
    def _ask(self, signature: str, batch: Mapping[str, list[Any]]) -> FloatArray:
        """Columns of B strings or bytes to float32 [B, D]; raises `DataError` if an image cannot be decoded."""

    def _run(self, signature: str, **inputs: Sequence[Any]) -> FloatArray:
        count = len(next(iter(inputs.values())))
        rows = []
        for start in range(0, max(count, 1), self.batch_size):
            batch = {name: list(values[start : start + self.batch_size]) for name, values in inputs.items()}
            rows.append(self._ask(signature, batch))
        return np.concatenate(rows)


class Encoders(SignatureEncoders):
    """Those of a bundle's SavedModel, in this process.

    Args:
        folder: The bundle.
        batch_size: Products or queries that go through the model at a time.
    """

    def __init__(self, folder: Path, *, batch_size: int = 128) -> None:
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  registers the ops of the tokenizer

        super().__init__(batch_size=batch_size)
        try:
            # The module must outlive its signatures: they hold it by a weak reference only.
            self._module = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise BundleError(f"The SavedModel of {folder} cannot be loaded: {error}") from error
        self._invalid = tf.errors.InvalidArgumentError
        self._constant = tf.constant

    def _ask(self, signature: str, batch: Mapping[str, list[Any]]) -> FloatArray:
        tensors = {name: self._constant(values, dtype="string") for name, values in batch.items()}
        try:
            return self._module.signatures[signature](**tensors)["embedding"].numpy()
        except self._invalid as error:
            reason = str(error.message).splitlines()[0]
            raise DataError(f"An image cannot be decoded: {reason}") from error
