"""A SavedModel that searches: from raw text to product ids and scores, with the index inside.

    import tensorflow as tf, tensorflow_text
    from scann.scann_ops.py import scann_ops        # only where `backend` in search.json is "scann"
    model = tf.saved_model.load("saved_models/shop/1/index/saved_model")
    found = model.signatures["search"](text=tf.constant(["red mug"]), k=tf.constant(10))

| signature | inputs | outputs |
|---|---|---|
| `serving_default` = `search` | `text` str[B], `k` int32[] | `product_id` str[B, k'], `score` float32[B, k'] |
| `search_vectors` | `vector` float32[B, D], `k` int32[] | the same |

k' is k, or the number of products where that is less; scores are inner products, the highest first, those of `search`
less the products' reach (`metrics.reach`). The words of BM25, named codes, spelling and filters are
`SearchEngine`'s. A stock TensorFlow Serving links the ops of tensorflow-text and not those of ScaNN: for it, build the
index with `--backend exact`.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the tokenizer

from product_matching._folders import replaced_folder
from product_matching._types import Tensor
from product_matching.bundle import Bundle
from product_matching.metrics.reach import NEITHER, WORDS, Sides
from product_matching.search import ProductIndex, ScannIndex
from product_matching.search.scann_index import TUNED_K, graph_tensors, tensorflow_ops

FOLDER, META = "saved_model", "search.json"


def export_search(bundle: Bundle, index: ProductIndex) -> Path:
    """Writes the SavedModel beside the index, `index/saved_model`, whole or not at all.

    ScaNN's index goes in as it is, so that the graph answers what Python does. Where the backend has no ops in a graph
    (Milvus, or ScaNN over float16 vectors), the graph compares a query with every vector.

    Args:
        bundle: Whose `embed_text` makes vectors of words.
        index: Whose vectors are searched; saved already, as saving it clears its folder.

    Returns:
        The folder.
    """
    module = _SearchModule(bundle, index)
    text, k = tf.TensorSpec([None], tf.string, name="text"), tf.TensorSpec([], tf.int32, name="k")
    search = module.search.get_concrete_function(text, k)
    vector = tf.TensorSpec([None, index.dim], tf.float32, name="vector")
    signatures = {
        "serving_default": search,
        "search": search,
        "search_vectors": module.search_vectors.get_concrete_function(vector, k),
    }
    folder = bundle.index_folder / FOLDER
    with replaced_folder(folder) as fresh:
        allowed = tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])
        tf.saved_model.save(module, str(fresh), signatures=signatures, options=allowed)
        meta = {"backend": module.backend_name, "size": index.size, "dim": index.dim}
        (fresh / META).write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    return folder


class _SearchModule(tf.Module):
    """The bundle's graph, the ids, and a searcher."""

    def __init__(self, bundle: Bundle, index: ProductIndex) -> None:
        super().__init__(name="product_search")
        # As it was exported: no Keras, and what the graph does with words is what serving does.
        self.encoders = tf.saved_model.load(str(bundle.folder))
        # A variable, as a graph may hold two gigabytes of constants at most.
        self.ids = tf.Variable(np.array(index.product_ids, dtype=object), dtype=tf.string, trainable=False)
        in_graph = isinstance(index.backend, ScannIndex) and index.exact.stored.kind != "float16"
        self.searcher = _ScannSearch(index.backend) if in_graph else _ExactSearch(index)
        self.backend_name = "scann" if in_graph else "exact"
        self._ranked_by_reach = index.reach is not None

    @tf.function
    def search(self, text: Tensor, k: Tensor) -> dict[str, Tensor]:
        return self._search(self.encoders.signatures["embed_text"](text=text)["embedding"], k, WORDS)

    @tf.function
    def search_vectors(self, vector: Tensor, k: Tensor) -> dict[str, Tensor]:
        return self._search(vector, k, NEITHER)

    def _search(self, vector: Tensor, k: Tensor, sides: Sides) -> dict[str, Tensor]:
        if self._ranked_by_reach:
            vector = tf.concat([vector, tf.tile([sides], [tf.shape(vector)[0], 1])], axis=1)
        positions, scores = self.searcher(vector, tf.minimum(k, tf.size(self.ids)))
        return {"product_id": tf.gather(self.ids, positions), "score": scores}


class _ExactSearch(tf.Module):
    def __init__(self, index: ProductIndex) -> None:
        super().__init__()
        stored = index.exact.stored
        self.values = tf.Variable(stored.values, trainable=False)
        self.scales = None if stored.scales is None else tf.Variable(stored.scales, trainable=False)
        self.reach = None if index.reach is None else tf.Variable(index.reach, trainable=False)

    def __call__(self, vectors: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        dim = self.values.shape[1]
        scores = tf.matmul(vectors[:, :dim], tf.cast(self.values, tf.float32), transpose_b=True)
        scores = scores if self.scales is None else scores * self.scales
        if self.reach is not None:
            scores -= tf.matmul(vectors[:, dim:], self.reach)
        scores, positions = tf.math.top_k(scores, k)
        return positions, scores


class _ScannSearch(tf.Module):
    def __init__(self, index: ScannIndex) -> None:
        super().__init__()
        self.state = {name: tf.Variable(value, trainable=False) for name, value in graph_tensors(index).items()}
        self._info: dict[str, Any] = dict(index.info)
        # Searchers are kept by name for as long as the process lives: two models must not share one.
        self._name = f"product-matching-{uuid.uuid4()}"

    def __call__(self, vectors: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        ops = tensorflow_ops()
        # Inside the graph: made at the first call, and found by its name at later ones.
        handle = ops.tensors_to_scann(**self.state, shared_name=self._name)
        growth = tf.maximum(1.0, tf.cast(k, tf.float32) / TUNED_K)
        reorder = tf.maximum(k, _up(self._info["reorder"] * growth))
        leaves = tf.minimum(self._info["leaves"], _up(self._info["leaves_to_search"] * tf.sqrt(growth)))
        positions, scores = ops.scann_search_batched(handle, vectors, k, reorder, leaves, False)
        return positions, scores


def _up(value: Tensor) -> Tensor:
    return tf.cast(tf.math.ceil(value), tf.int32)
