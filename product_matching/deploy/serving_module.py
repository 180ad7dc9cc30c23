"""The exported graph: raw strings and image bytes in, float32 out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.deploy.packing import Packed
from product_matching.deploy.stored_weights import StoredWeights
from product_matching.model import ProductModel

Concrete = tf.types.experimental.ConcreteFunction


class ServingModule(tf.Module):
    """What the signatures need on disk: the variables and the tables, and nothing else.

    The Keras model itself is not tracked: an export of it writes every weight twice.

    Args:
        model: The model.
        packed: Weights of a smaller type, see `pack_weights`.
    """

    def __init__(self, model: ProductModel, packed: Mapping[int, Packed] = MappingProxyType({})) -> None:
        super().__init__(name="product_matching")
        self.weights = StoredWeights(model, packed)
        self.tables = model.preprocessor.tables


def signatures(model: ProductModel, module: ServingModule) -> dict[str, Concrete]:
    """The functions that TF Serving runs, traced for any batch size, with the weights that the module stores.

    Cleaning, tokenising, decoding and resizing are the preprocessor's, as in training. What several signatures share
    (the tokenizer, the towers) is a function of its own in the graph, so that it is written once.
    """
    functions = _functions(model, module.weights)
    words = [_strings(name) for name in ("image", "title", "description", "tags")]
    vectors = [tf.TensorSpec([None, model.dim], tf.float32, name=name) for name in ("left", "right")]
    embed_product = functions["embed_product"].get_concrete_function(*words)
    return {
        "serving_default": embed_product,
        "embed_product": embed_product,
        "embed_text": functions["embed_text"].get_concrete_function(_strings("text")),
        "embed_image": functions["embed_image"].get_concrete_function(_strings("image")),
        "match": functions["match"].get_concrete_function(*vectors),
    }


def _functions(model: ProductModel, weights: StoredWeights) -> dict[str, Callable]:
    preprocessor = model.preprocessor

    @tf.function
    def decode(image: Tensor) -> dict[str, Tensor]:
        return preprocessor.pictures(image)

    @tf.function
    def text_vector(tokens: dict[str, Tensor]) -> Tensor:
        with weights.scope():
            return model.text_vector(tokens)

    @tf.function
    def image_vector(pictures: dict[str, Tensor]) -> Tensor:
        with weights.scope():
            return model.image_vector(pictures)

    @tf.function
    def embed_product(image: Tensor, title: Tensor, description: Tensor, tags: Tensor) -> dict[str, Tensor]:
        words, labels = preprocessor.words(title, description), preprocessor.tags(tags)
        present = tf.stack([image != "", words["has_text"], labels["has_tags"]], axis=-1)
        with weights.scope():
            vectors = [image_vector(decode(image)), text_vector(words), model.tags_vector(labels["tags"])]
            return {"embedding": model.fusion(vectors, present)}

    @tf.function
    def embed_text(text: Tensor) -> dict[str, Tensor]:
        words = preprocessor.words(text, tf.zeros_like(text))
        with weights.scope():
            return {"embedding": model.embed_one("text", text_vector(words), words["has_text"])}

    @tf.function
    def embed_image(image: Tensor) -> dict[str, Tensor]:
        with weights.scope():
            return {"embedding": model.embed_one("image", image_vector(decode(image)), image != "")}

    @tf.function
    def match(left: Tensor, right: Tensor) -> dict[str, Tensor]:
        with weights.scope():
            score = model.head(left, right)
            return {"probability": model.head.probability(score, left, right), "score": score}

    outer = (embed_product, embed_text, embed_image, match)
    return {function.python_function.__name__: function for function in outer}


def _strings(name: str) -> tf.TensorSpec:
    return tf.TensorSpec([None], tf.string, name=name)
