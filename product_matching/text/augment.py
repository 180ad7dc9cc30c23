"""Random views of texts for training: a shopper types less than a seller writes."""

from __future__ import annotations

import tensorflow as tf

from product_matching._types import Tensor
from product_matching.text.cleaning import MARKUP

MOST_TYPED = 3
"""Words of a query at most."""
_NO_WORD = rf"{MARKUP}|&#?\w+;"


def drop_fields(
    title: Tensor,
    description: Tensor,
    seed: Tensor,
    *,
    no_description: float = 0.4,
    no_title: float = 0.15,
    word: float = 0.1,
    swap: float = 0.0,
    strength: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Leaves out the description, or the title, or words of either; never all of a text.

    Args:
        title, description: string [B].
        seed: int [2]; the same seed gives the same result.
        no_description: Probability that a description is left out, where there is a title.
        no_title: Probability that a title is left out, where there is a description.
        word: Probability that a word between spaces is left out.
        swap: Probability that the two fields change places, where both have a text.
        strength: Factor of all these probabilities, 0 to 2.

    Returns:
        The two fields, string [B].
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    has_title, has_description = _has_words(title), _has_words(description)
    turn = tf.random.stateless_uniform(tf.shape(title), seed + 1) < swap * strength
    turn &= has_title & has_description
    title, description = tf.where(turn, description, title), tf.where(turn, title, description)
    draw = tf.random.stateless_uniform(tf.shape(title), seeds[0])
    drop_description = (draw < no_description * strength) & has_title
    drop_title = (draw > 1 - no_title * strength) & has_description
    return (
        tf.where(drop_title, "", _drop_words(title, word * strength, seeds[1])),
        tf.where(drop_description, "", _drop_words(description, word * strength, seeds[2])),
    )


def as_typed(title: Tensor, description: Tensor, tags: Tensor, seed: Tensor, *, share: float) -> tuple[Tensor, Tensor]:
    """Some texts become what a shopper might type: one to three words of the title and of the tags, in any order.

    A model that has read whole descriptions alone understands such queries badly.

    Args:
        title, description, tags: string [B], tags separated by `|`.
        seed: int [2]; the same seed gives the same result.
        share: Probability that a text becomes such a query; a product without a text stays without.

    Returns:
        The two fields, string [B]; the second is empty where the first is a query.
    """
    choice, order, length = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    labels = tf.strings.split(tags, "|")
    pieces = tf.concat([tf.strings.split(title), tf.ragged.boolean_mask(labels, labels != "")], axis=1)
    keys = pieces.with_flat_values(tf.random.stateless_uniform(tf.shape(pieces.flat_values), order))
    first = tf.argsort(keys.to_tensor(2.0), axis=1)[:, :MOST_TYPED]  # what fills up a row comes last
    chosen = tf.gather(pieces.to_tensor(""), first, batch_dims=1)
    count = tf.random.stateless_uniform(tf.shape(title), length, 1, MOST_TYPED + 1, tf.int32)
    kept = tf.where(tf.range(tf.shape(chosen)[1]) < count[:, None], chosen, "")
    query = tf.strings.strip(tf.strings.reduce_join(kept, axis=1, separator=" "))
    drawn = tf.random.stateless_uniform(tf.shape(title), choice) < share
    drawn &= (query != "") & (_has_words(title) | _has_words(description))
    return tf.where(drawn, query, title), tf.where(drawn, "", description)


def _has_words(text: Tensor) -> Tensor:
    """Whether cleaning will leave a letter or a digit, without all of the cleaning: string [B] to bool [B]."""
    return tf.strings.regex_full_match(tf.strings.regex_replace(text, _NO_WORD, ""), r"[\s\S]*[\pL\pN][\s\S]*")


def _drop_words(text: Tensor, share: float, seed: Tensor) -> Tensor:
    words = tf.strings.split(text)
    keep = tf.random.stateless_uniform(tf.shape(words.flat_values), seed) >= share
    thinned = tf.ragged.boolean_mask(words, words.with_flat_values(keep))
    return tf.where(thinned.row_lengths() > 0, tf.strings.reduce_join(thinned, axis=1, separator=" "), text)
