"""The vectors of a catalogue, view by view."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from keras import ops

from product_matching._types import FloatArray
from product_matching.dataset import Catalog, make_dataset
from product_matching.model import ProductModel


def embed_catalog(
    model: ProductModel, catalog: Catalog, *, batch_size: int = 128, features: Mapping[str, np.ndarray] | None = None
) -> dict[str, FloatArray]:
    """Embeds each view of each product.

    Args:
        model: A trained model.
        catalog: The products.
        batch_size: Products a forward pass.
        features: What frozen towers give for them, where that is known, as of `make_dataset`.

    Returns:
        float32 [N, D] for each of `VIEWS`, in the catalogue's order.
    """
    batches = make_dataset(catalog, model.preprocessor, batch_size=batch_size, cache=False, features=features)
    return model.predict(batches, verbose=0)


def embed_titles(model: ProductModel, catalog: Catalog, *, batch_size: int = 128) -> FloatArray:
    """Embeds the titles alone, as a shopper would type them: float32 [N, D]; zeros where there is no title."""
    return embed_words(model, catalog.table["title"].tolist(), batch_size=batch_size)


def embed_words(model: ProductModel, texts: list[str], *, batch_size: int = 128) -> FloatArray:
    """Embeds texts, each as a title without anything else: float32 [N, D]; zeros for `""`."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def embed(titles: tf.Tensor) -> tf.Tensor:
        tokens = model.preprocessor.words(titles, tf.zeros_like(titles))
        return model.embed_one("text", model.text_vector(tokens), tokens["has_text"])

    starts = range(0, len(texts), batch_size)
    rows = [ops.convert_to_numpy(embed(tf.constant(texts[i : i + batch_size]))) for i in starts]
    return np.concatenate(rows)
